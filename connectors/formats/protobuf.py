"""Protobuf: with the schemas of a registry, or with a descriptor file."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any, Self

from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor, FileDescriptor
from google.protobuf.message import DecodeError
from pydantic import model_validator

from connectors.formats.cursor import OneByOneError
from connectors.formats.protobuf_columns import ProtobufColumns, UnsuitableError
from connectors.formats.registry import Schemas
from connectors.formats.registry_answers import references
from connectors.formats.registry_settings import RegistrySettings
from connectors.formats.wanted import Wanted
from connectors.formats.wire import varint
from engine.domain.batch import Headers
from engine.domain.format import Columns, FormatError
from engine.domain.path import Path as FieldPath
from pynomaly.plugins import Settings

ROOT = "pynomaly_message.proto"
TEXTS = {"google.protobuf.Timestamp", "google.protobuf.Duration"}
_WRAPPED = ("Double", "Float", "Int64", "UInt64", "Int32", "UInt32", "Bool", "String", "Bytes")
WRAPPERS = {f"google.protobuf.{kind}Value" for kind in _WRAPPED}
Convert = Callable[[Any], Any]
Decode = Callable[[bytes], Any]


class ProtobufSettings(Settings):
    """Protobuf, each message with the id of its schema in a registry, or all of one type."""

    registry: RegistrySettings | None = None
    """The schema registry that the ids are of."""
    descriptor: str | None = None
    """File of `protoc --include_imports --descriptor_set_out`, if messages have no id."""
    message: str | None = None
    """Full name of the messages' type, with descriptor."""

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if (self.registry is None) == (self.descriptor is None):
            raise ValueError("expected either registry, or descriptor and message")
        if (self.descriptor is None) != (self.message is None):
            raise ValueError("expected descriptor and message together")
        if self.descriptor is not None:
            try:
                _of_file(self.descriptor, self.message or "")
            except (OSError, KeyError, DecodeError, TypeError) as error:
                expected = f"expected a descriptor file with {self.message}"
                raise ValueError(f"{expected}: {error}") from None
        return self


class Protobuf:
    """The plug-in behind `format: {protobuf: ...}`."""

    Settings = ProtobufSettings
    name = "protobuf"
    many = False

    def __init__(self, settings: ProtobufSettings, text_fields: frozenset[str]) -> None:
        self._schemas: Schemas[FileDescriptor] | None = None
        if settings.registry is not None:
            self._schemas = Schemas(settings.registry, _described, "PROTOBUF")
        self._kind: Descriptor | None = None
        self._decode: Decode | None = None
        self._of_columns: dict[tuple[int, str, frozenset[FieldPath]], ProtobufColumns | None] = {}
        if settings.descriptor is not None:
            self._kind = _of_file(settings.descriptor, settings.message or "")
            self._decode = _decoder(self._kind)
        self._decoders: dict[tuple[int, ...], Decode] = {}

    def decode(self, payload: bytes, headers: Headers) -> Any:
        """Return the message by the names of its fields."""
        decode, start = self._decode, 0
        if self._schemas is not None:
            file, start = self._schemas.of(payload, headers)
            indices, start = _indices(payload, start)
            decode = self._of(file, indices)
        assert decode is not None
        try:
            return decode(payload[start:])
        except DecodeError as error:
            raise FormatError(f"the payload is not Protobuf of its type: {error}") from None

    def columns(self, payloads: Sequence[bytes], paths: frozenset[FieldPath]) -> Columns | None:
        """Return the values at some paths, if all are of the first type of their schema."""
        try:
            if self._schemas is None:
                assert self._kind is not None
                return self._columns(self._kind, paths).read(payloads, 0)
            return self._schemas.columns(payloads, 6, partial(self._of_first, paths))
        except OneByOneError:
            return None

    def _of_first(
        self, paths: frozenset[FieldPath], file: FileDescriptor, payloads: Sequence[bytes]
    ) -> Columns:
        if payloads[0][5] != 0 or not file.message_types_by_name:
            raise OneByOneError
        kind = next(iter(file.message_types_by_name.values()))
        return self._columns(kind, paths).read(payloads, 6)

    def _columns(self, kind: Descriptor, paths: frozenset[FieldPath]) -> ProtobufColumns:
        place = id(kind.file), kind.full_name, paths
        if place not in self._of_columns:
            try:
                self._of_columns[place] = ProtobufColumns(kind, Wanted(paths))
            except UnsuitableError:
                self._of_columns[place] = None
        found = self._of_columns[place]
        if found is None:
            raise OneByOneError
        return found

    def _of(self, file: FileDescriptor, indices: tuple[int, ...]) -> Decode:
        place = (id(file), *indices)
        if place not in self._decoders:
            kinds: list[Descriptor] = list(file.message_types_by_name.values())
            kind = None
            for index in indices:
                if index >= len(kinds):
                    raise FormatError(f"the schema has no message type at {list(indices)}")
                kind = kinds[index]
                kinds = list(kind.nested_types)
            assert kind is not None
            self._decoders[place] = _decoder(kind)
        return self._decoders[place]


def _indices(payload: bytes, start: int) -> tuple[tuple[int, ...], int]:
    """Return which message type of the schema a payload is of, and where its data begin."""
    count, start = _zigzag(payload, start)
    if count == 0:
        return (0,), start
    if not 0 < count <= 32:
        raise FormatError(f"the payload names a message type {count} levels deep")
    found = []
    for _ in range(count):
        index, start = _zigzag(payload, start)
        if index < 0:
            raise FormatError("the payload names a message type with a negative index")
        found.append(index)
    return tuple(found), start


def _zigzag(payload: bytes, start: int) -> tuple[int, int]:
    number, place = varint(payload, start)
    return (number >> 1) ^ -(number & 1), place


def _described(schema: Schema, client: SchemaRegistryClient, _own: int | str) -> FileDescriptor:
    """Compile the text of a schema."""
    try:
        from grpc_tools import protoc
    except ImportError:
        raise FormatError("Protobuf of a registry needs grpcio-tools, to compile schemas") from None
    with tempfile.TemporaryDirectory() as name:
        folder, target = Path(name).resolve(), Path(name) / "set"
        for path, text in {**references(schema, client), ROOT: schema.schema_str or ""}.items():
            file = (folder / path).resolve()
            if not file.is_relative_to(folder):
                raise FormatError(f"the schema refers to {path}, outside of its folder")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        common = str(files("grpc_tools") / "_proto")
        words = ["protoc", f"-I{folder}", f"-I{common}", "--include_imports"]
        if protoc.main([*words, f"--descriptor_set_out={target}", ROOT]) != 0:
            raise FormatError("protoc cannot compile the schema")
        return _pool(target.read_bytes()).FindFileByName(ROOT)


def _of_file(path: str, message: str) -> Descriptor:
    return _pool(Path(path).read_bytes()).FindMessageTypeByName(message)


def _pool(descriptors: bytes) -> descriptor_pool.DescriptorPool:
    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(descriptors).file:
        pool.Add(file)
    return pool


def _decoder(kind: Descriptor) -> Decode:
    parse = message_factory.GetMessageClass(kind).FromString
    convert = _converter(kind, {})
    return lambda data: convert(parse(data))


def _converter(kind: Descriptor, known: dict[str, list[Any]]) -> Convert:
    """Return a function from messages of a type to dictionaries."""
    if kind.full_name in TEXTS:
        return lambda message: message.ToJsonString()
    if kind.full_name in WRAPPERS:
        return lambda message: message.value
    fields = known.get(kind.full_name)
    if fields is None:
        fields = known[kind.full_name] = []
        fields += [(field.name, _field(field, known)) for field in kind.fields]
    return lambda message: {name: convert(message) for name, convert in fields}


def _field(field: FieldDescriptor, known: dict[str, list[Any]]) -> Convert:
    name, one = field.name, _one(field, known)
    kind = field.message_type
    if kind is not None and kind.GetOptions().map_entry:
        value = _one(kind.fields_by_name["value"], known)
        return lambda message: {str(k): value(v) for k, v in getattr(message, name).items()}
    if field.is_repeated:
        return lambda message: [one(element) for element in getattr(message, name)]
    if field.has_presence:
        return lambda message: one(getattr(message, name)) if message.HasField(name) else None
    return lambda message: one(getattr(message, name))


def _one(field: FieldDescriptor, known: dict[str, list[Any]]) -> Convert:
    if field.message_type is not None:
        return _converter(field.message_type, known)
    if field.enum_type is not None:
        names = {value.number: value.name for value in field.enum_type.values}
        return lambda number: names.get(number, number)
    return _same


def _same(value: Any) -> Any:
    return value
