"""What all sections of a config have in common."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """Keys of a config that belong together; one that doesn't exist is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)
