"""The categories of an instances file, and which of them are classes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from trainers.data.coco.numbers import whole
from trainers.data.errors import DataError, show


@dataclass(frozen=True)
class Category:
    """A checked category; group is its supercategory, None if it has none."""

    id: int
    name: str
    group: str | None


def parse_categories(entries: Sequence[object], path: Path) -> list[Category]:
    """The categories by rising id. Raises DataError for a bad one, and for two with the same id."""
    categories: dict[int, Category] = {}
    for entry in entries:
        number, name = (whole(entry.get("id")), entry.get("name")) if isinstance(entry, dict) else (None, None)
        if number is None or not isinstance(name, str) or not name.isprintable() or not name:
            reason = f"a category is {show(entry)}, must have a whole number as its id and a name"
            raise DataError(path, reason, "Repair it")
        if number in categories:
            raise _twice(categories[number], path)
        group = entry.get("supercategory") if isinstance(entry, dict) else None
        categories[number] = Category(number, name, group if isinstance(group, str) else None)
    return [categories[number] for number in sorted(categories)]


def groups_of_others(categories: Sequence[Category]) -> set[int]:
    """The ids of categories whose name is the supercategory of another, as a Roboflow export's category 0 is.

    Such a root may be named like one of its members, which is its own supercategory then, and no group.
    """
    members: dict[str, set[int]] = {}
    for category in categories:
        if category.group is not None:
            members.setdefault(category.group, set()).add(category.id)
    roots = {category.name for category in categories if category.group != category.name}
    return {
        category.id
        for category in categories
        if members.get(category.name, set()) - {category.id}
        and not (category.group == category.name and category.name in roots)
    }


def class_names(categories: Sequence[Category], path: Path) -> dict[int, str]:
    """The names by id. Raises DataError for two classes of the same name."""
    names: dict[int, str] = {}
    for category in categories:
        if category.name in names.values():
            raise _twice(category, path)
        names[category.id] = category.name
    return names


def _twice(category: Category, path: Path) -> DataError:
    return DataError(path, f"the category {category.id}, {show(category.name)}, is there twice", "Repair it")
