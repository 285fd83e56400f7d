"""What a config may say: its schema, how it is loaded and checked, and its presets."""

from search.config.loading import (
    Config,
    ConfigError,
    TrainingConfig,
    changed_keys,
    config_text,
    load_config,
    preset_names,
    with_section,
)

__all__ = [
    "Config",
    "ConfigError",
    "TrainingConfig",
    "changed_keys",
    "config_text",
    "load_config",
    "preset_names",
    "with_section",
]
