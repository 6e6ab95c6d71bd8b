"""What is taken as it comes and checked one by one, described as what it should be."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema


@dataclass(frozen=True)
class ShownAs:
    """Annotates `Any`: in the OpenAPI document it is `model`, and nothing is validated by it."""

    model: type[BaseModel]

    def __get_pydantic_json_schema__(
        self, _: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """The model's own schema, by reference."""
        return handler(self.model.__pydantic_core_schema__)
