"""What a config may say: its schema, how it is loaded and checked, and its presets."""

from search.config.loading import ConfigError, changed_keys, config_text, load_config, with_section
from search.config.preset_files import preset_names, preset_summary, preset_text
from search.config.problems import Kind, Problem
from search.config.schema import Config, TrainingConfig

__all__ = [
    "Config",
    "ConfigError",
    "Kind",
    "Problem",
    "TrainingConfig",
    "changed_keys",
    "config_text",
    "load_config",
    "preset_names",
    "preset_summary",
    "preset_text",
    "with_section",
]
