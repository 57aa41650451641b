"""The calls that each function can make to AWS and to the provider, read from the code.

The code is followed from each handler by its type annotations: the methods of the library's classes that it reaches,
and in them the places where a call leaves the process. What that does not find is found by the trace: a call that was
made and is not here fails the suite too.
"""

import ast
from dataclasses import dataclass, field
from pathlib import Path

from local.stack import PROJECT

LIBRARY = PROJECT / "layers" / "motiondrop" / "motiondrop"
FUNCTIONS = PROJECT / "functions"

#: The clients by the attributes that hold them.
_CLIENTS = {
    "_s3": "s3",
    "s3": "s3",
    "_sqs": "sqs",
    "_sfn": "stepfunctions",
    "_sns": "sns",
    "sns": "sns",
    "_client": "secretsmanager",
    "_lambda": "lambda",
}
#: Client methods that are not named after their operation. An upload is one operation up to its part size.
_OPERATIONS = {"upload_fileobj": ["PutObject"], "generate_presigned_url": []}
#: What PynamoDB's models do, by the method and a word that tells it from a dict's method of the same name.
_TABLE = {
    "get": ("GetItem", "tables"),
    "save": ("PutItem", ""),
    "update": ("UpdateItem", ""),
    "delete": ("DeleteItem", ""),
    "query": ("Query", ""),
    "count": ("Query", ""),
    "batch_get": ("BatchGetItem", ""),
}
#: What stands for a class in an annotation: a protocol that one class of the library keeps.
_KEEPS = {"Waker": "Executions"}
_PROVIDER = {
    "WanClient.create": "create",
    "WanClient.query": "query",
    "WanClient.list": "list",
    "WanClient.cancel": "cancel",
}


@dataclass
class _Class:
    """A class of the library: its methods, and the types of its attributes by name."""

    methods: dict[str, ast.FunctionDef] = field(default_factory=dict)
    attributes: dict[str, str] = field(default_factory=dict)


@dataclass
class Code:
    """All classes and plain functions of the library, by name."""

    classes: dict[str, _Class]
    functions: dict[str, ast.FunctionDef]

    @classmethod
    def read(cls) -> "Code":
        code = cls({}, {})
        for path in LIBRARY.rglob("*.py"):
            for node in ast.parse(path.read_text()).body:
                if isinstance(node, ast.ClassDef):
                    code.classes[node.name] = _class(node)
                elif isinstance(node, ast.FunctionDef):
                    code.functions[node.name] = node
        return code

    def calls_of(self, function: str) -> set[str]:
        """The calls that the function's handler can reach."""
        tree = ast.parse((FUNCTIONS / function / "app.py").read_text())
        local = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
        walk = _Walk(Code(self.classes, self.functions | local))
        for node in local.values():
            walk.follow(None, node)
        return walk.found


def _class(node: ast.ClassDef) -> _Class:
    found = _Class()
    for item in node.body:
        if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name):
            found.attributes[item.target.id] = _name(item.annotation)
        elif isinstance(item, ast.FunctionDef):
            found.methods[item.name] = item
            if any(_name(decorator) in {"cached_property", "property"} for decorator in item.decorator_list):
                found.attributes[item.name] = _name(item.returns)
    if "__init__" in found.methods:
        arguments = found.methods["__init__"].args
        parameters = {arg.arg: _name(arg.annotation) for arg in arguments.args + arguments.kwonlyargs}
        for part in ast.walk(found.methods["__init__"]):
            if isinstance(part, ast.Assign) and isinstance(part.targets[0], ast.Attribute):
                value = part.value.id if isinstance(part.value, ast.Name) else ""
                found.attributes[part.targets[0].attr] = parameters.get(value, "")
    return found


def _name(node: ast.AST | None) -> str:
    """The last name of an annotation: of `Job | None` it is Job, of `"Edge"` Edge."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Constant(value=str(text)):
            return _name(ast.parse(text, mode="eval").body)
        case ast.Subscript(value=ast.Name(id="Callable"), slice=ast.Tuple(elts=[_, returned])):
            return _name(returned)  # what it makes is what is used
        case ast.BinOp(left=left):
            return _name(left)
        case _:
            return ""


class _Walk:
    """Follows the code from a handler on."""

    def __init__(self, code: Code) -> None:
        self._code = code
        self._seen: set[tuple[str | None, str]] = set()
        self.found: set[str] = set()

    def follow(self, owner: str | None, node: ast.FunctionDef) -> None:
        if (owner, node.name) in self._seen:
            return
        self._seen.add((owner, node.name))
        if call := _PROVIDER.get(f"{owner}.{node.name}"):
            self.found.add(f"provider:{call}")
        types = {arg.arg: _name(arg.annotation) for arg in node.args.args + node.args.kwonlyargs}
        types["self"] = types["cls"] = owner or ""
        for item in ast.walk(node):
            if isinstance(item, ast.Assign) and isinstance(item.targets[0], ast.Name):
                types[item.targets[0].id] = self._type(item.value, types)
        for item in ast.walk(node):
            if isinstance(item, ast.Attribute) and isinstance(item.value, ast.Name) and item.value.id == "bootstrap":
                self._mention(item.attr)
            elif isinstance(item, ast.Attribute):
                self._enter(self._type(item.value, types), item.attr)
                self._leaf(item)
            elif isinstance(item, ast.Name):
                self._mention(item.id)

    def _mention(self, name: str) -> None:
        """Follow a function or a class of the library that is named."""
        if name in self._code.functions:
            self.follow(None, self._code.functions[name])
        elif name in self._code.classes:
            self._enter(name, "__init__")
        elif name == "TransactWrite":
            self.found.add("dynamodb:TransactWriteItems")

    def _enter(self, owner: str, method: str) -> None:
        """Follow a method of a class that is mentioned: it is called here, or by whom it is given to."""
        owner = _KEEPS.get(owner, owner)
        known = self._code.classes.get(owner)
        if known and method in known.methods:
            self.follow(owner, known.methods[method])

    def _type(self, node: ast.expr, types: dict[str, str]) -> str:
        match node:
            case ast.Name(id=name):
                return types.get(name) or (name if name in self._code.classes else "")
            case ast.Attribute(value=value, attr=attr):
                known = self._code.classes.get(self._type(value, types))
                return known.attributes.get(attr, "") if known else ""
            case ast.Call(func=ast.Attribute(value=ast.Name(id="bootstrap"), attr=name)):
                return _name(self._code.functions[name].returns)
            case ast.Call(func=ast.Name(id=name)):
                if name in self._code.classes:
                    return name
                called = self._code.functions.get(name)
                return _name(called.returns) if called else ""
            case ast.Call(func=ast.Attribute(value=value, attr=attr)):
                known = self._code.classes.get(self._type(value, types))
                if known and attr in known.methods:
                    return _name(known.methods[attr].returns)
                return known.attributes.get(attr, "") if known else ""
            case _:
                return ""

    def _leaf(self, node: ast.Attribute) -> None:
        """A place where a call leaves the process."""
        holder = node.value.attr if isinstance(node.value, ast.Attribute) else ""
        if holder in _CLIENTS and isinstance(node.value, ast.Attribute) and _name(node.value.value) == "self":
            named = "".join(word.capitalize() for word in node.attr.split("_"))
            paginated = {"get_paginator": ["ListObjectsV2"]} | _OPERATIONS
            self.found |= {f"{_CLIENTS[holder]}:{name}" for name in paginated.get(node.attr, [named])}
        elif holder == "_session" and node.attr == "get":
            self.found.add("provider:result")
        elif node.attr in _TABLE and _is_item(node.value):
            self.found.add(f"dynamodb:{_TABLE[node.attr][0]}")


def _is_item(node: ast.expr) -> bool:
    """Whether the expression is one of PynamoDB's models or items, as the library writes them."""
    text = ast.unparse(node)
    return "transaction" not in text and (any(part in text for part in _TABLES) or text in _ITEMS)


#: How expressions look that are a table's model or one of its items, and names of variables that hold an item.
_TABLES = ("_tables", ".tables.", "_item", "self._jobs.place(")
_ITEMS = {"item", "breaker", "place", "lease"}


def all_calls() -> dict[str, set[str]]:
    """The calls of each function."""
    code = Code.read()
    return {path.parent.name: code.calls_of(path.parent.name) for path in sorted(Path(FUNCTIONS).glob("*/app.py"))}
