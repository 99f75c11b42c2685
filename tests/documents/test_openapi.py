"""OpenAPI and Swagger specifications in YAML and JSON: a section for each operation and schema; no other YAML."""

import json

import pytest
import yaml

from tests.documents.written import converted, document, refusal, sections, text

SPEC = """\
openapi: "3.0.3"
info:
  title: Pet store
  version: "1.20"
  description: Sells [pets](https://pets.example).
servers:
  - {url: https://api.pets.example/v1, description: production}
tags:
  - {name: pets, description: All about pets.}
  - {name: other}
paths:
  /pets/{id}:
    parameters:
      - $ref: '#/components/parameters/Id'
    get:
      summary: Find a pet
      description: |
        Returns one pet.

        ## Caching

        An answer is valid for an hour.
      responses:
        '200':
          description: The pet.
          content: {application/json: {schema: {$ref: '#/components/schemas/Pet'}}}
        '404': {$ref: '#/components/responses/Missing'}
  /pets:
    post:
      summary: Adds a pet.
      description: Adds a pet
      deprecated: true
      parameters:
        - {name: dry, in: query, description: "Only check,\\n do not save.", schema: {type: string, default: 'no'}}
        - {$ref: 'other.yaml#/Page'}
      requestBody:
        required: true
        description: The new pet.
        content:
          application/json:
            schema:
              type: object
              required: [name]
              properties:
                name: {type: string, maxLength: 40, description: Its name.}
                owner: {type: object, properties: {town: {type: string}}}
                tags: {type: array, items: {type: object, properties: {key: {type: string}}}}
      responses: {default: {description: Error.}}
components:
  parameters:
    Id: {name: id, in: path, required: true, description: The number of the pet., schema: {type: integer, format: int64}}
  responses:
    Missing: {description: There is no such pet.}
  securitySchemes:
    key: {type: apiKey, in: header, name: X-API-Key, description: Ask sales for it.}
  schemas:
    Pet:
      description: An animal.
      required: [id]
      properties:
        id: {type: integer}
        kind: {type: string, enum: [cat, 'no']}
        friends: {type: array, items: {$ref: '#/components/schemas/Pet'}}
    Dog:
      allOf:
        - $ref: '#/components/schemas/Pet'
        - {properties: {race: {oneOf: [{type: string}, {type: integer}]}}}
    Size: {type: string, enum: [small, big]}
    Empty: {type: object}
"""
READ = [
    (
        (),
        "Sells [pets](https://pets.example).\n\nVersion: 1.20\n\nServers:\n\n- https://api.pets.example/v1: production\n\n"
        "Authentication:\n\n- `key` (apiKey, header, X-API-Key): Ask sales for it.",
    ),
    (("pets",), "# pets\n\nAll about pets."),
    (
        ("GET /pets/{id}",),
        "# GET /pets/{id}\n\nParameters:\n\n- `id` (path, integer int64, required): The number of the pet.\n\n"
        "Responses:\n\n- 200 (Pet): The pet.\n- 404: There is no such pet.\n\nFind a pet.\n\nReturns one pet.",
    ),
    (("GET /pets/{id}", "Caching"), "## Caching\n\nAn answer is valid for an hour."),
    (
        ("POST /pets",),
        "# POST /pets\n\nAdds a pet\n\nDeprecated.\n\nParameters:\n\n- `dry` (query, string, default no): Only check, do not save.\n\n"
        "Request body (required): The new pet.\n\n- `name` (string, maxLength 40, required): Its name.\n- `owner`\n"
        "- `owner.town` (string)\n- `tags` (array of objects)\n- `tags[].key` (string)\n\nResponses:\n\n- default: Error.",
    ),
    (
        ("Pet",),
        "# Pet\n\nAn animal.\n\nFields:\n\n- `id` (integer, required)\n- `kind` (string, one of cat, no)\n- `friends` (array of Pet)",
    ),
    (("Dog",), "# Dog\n\nFields:\n\n- all fields of Pet\n- `race` (string or integer)"),
    (("Size",), "# Size\n\nType: string, one of small, big"),
]


@pytest.mark.parametrize("name", ["a.yaml", "a.yml", "a.json"])
def test_each_operation_and_schema_of_a_specification_is_a_section(name):
    made = document(name, json.dumps(yaml.safe_load(SPEC), indent=1) if name == "a.json" else SPEC)
    assert (made.title, sections(made)) == ("Pet store", READ)
    assert all(section.alone for section in made.sections)


SWAGGER = {
    "swagger": "2.0",
    "info": {"title": "Mill"},
    "host": "mill.example",
    "basePath": "/v1",
    "paths": {
        "/grain": {
            "post": {
                "parameters": [
                    {"name": "kind", "in": "query", "type": "string", "enum": ["rye", "oat"], "required": True},
                    {"name": "load", "in": "body", "schema": {"$ref": "#/definitions/Load"}},
                ],
                "responses": {"200": {"description": "Taken.", "schema": {"$ref": "#/definitions/Load"}}},
            }
        }
    },
    "definitions": {"Load": {"properties": {"kg": {"type": "number", "minimum": 5, "description": "Its weight."}}}},
}


def test_swagger_2_is_read_too_unless_a_field_is_named():
    assert text("a.json", json.dumps(SWAGGER)) == (
        "Servers:\n\n- mill.example/v1\n\n# POST /grain\n\nParameters:\n\n- `kind` (query, string, one of rye, oat, required)\n"
        "- `load` (body, Load)\n\nResponses:\n\n- 200 (Load): Taken.\n\n# Load\n\nFields:\n\n- `kg` (number, minimum 5): Its weight.\n"
    )
    assert "it has swagger" in refusal(".json", json.dumps(SWAGGER), text_field="body")


def schema_lines(schema):
    """The lines of the schema `A` of a specification below its heading."""
    spec = {"openapi": "3.0.0", "components": {"schemas": {"A": schema}}}
    return [line for line in text("a.json", json.dumps(spec)).split("\n")[2:] if line]


USER = {"$ref": "#/components/schemas/User"}
FIELDS = [
    # A reference with a description is the type of its field, whose fields are not those of the schema.
    ({"allOf": [USER], "description": "Pays."}, ["- `a` (User): Pays."]),
    ({"allOf": [USER, {"properties": {"b": {}}}]}, ["- `a` (User and more fields)", "- `a.b`"]),
    (
        {"items": {"oneOf": [{"type": "string"}, {"properties": {"b": {}}, "required": ["b"]}]}, "type": "array"},
        ["- `a` (array of string or object)", "- `a[].b` (required, in form 2)"],
    ),
    (
        {"anyOf": [{"title": "Card", "properties": {"b": {}}}, {"type": "string", "enum": ["", "now"]}]},
        ["- `a` (Card or string (one of now))", "- `a.b` (in form Card)"],
    ),
    ({"properties": {"b": {}}, "anyOf": [{"required": ["b"]}]}, ["- `a`", "- `a.b`"]),
    ({"type": "array", "items": {"enum": ["rye", None]}}, ["- `a` (array of one of rye, null)"]),
    ({"type": "array", "items": {}}, ["- `a` (array)"]),
    ({"additionalProperties": {"type": "integer"}, "type": "object"}, ["- `a` (map of integer)"]),
    ({"additionalProperties": {"properties": {"b": {}}}}, ["- `a` (map of objects)", "- `a.*.b`"]),
    ({"type": "string", "nullable": True, "deprecated": True}, ["- `a` (string or null, deprecated)"]),
    (
        {"type": "integer", "minimum": 0, "exclusiveMinimum": True, "readOnly": True},
        ["- `a` (integer, minimum 0, exclusiveMinimum true, read only)"],
    ),
    (
        {"items": {"properties": {"b": {"items": {"properties": {"c": {}}}, "type": "array"}}}, "type": "array"},
        ["- `a` (array of objects)", "- `a[].b` (array of objects)", "- `a[].b[].c`"],
    ),
]


@pytest.mark.parametrize(("field", "lines"), FIELDS)
def test_a_field_has_its_type_and_its_fields(field, lines):
    assert schema_lines({"properties": {"a": field}}) == ["Fields:", *lines]


def test_a_schema_without_fields_of_its_own_has_its_type():
    assert schema_lines({"type": "object", "nullable": True}) == ["Type: object or null"]
    assert schema_lines({"deprecated": True, "properties": {"a": {}}})[0] == "Type: object, deprecated"
    assert schema_lines({"oneOf": [{"properties": {"a": {}}}]}) == ["Type: object", "Fields:", "- `a` (in form 1)"]
    many = schema_lines({"properties": {f"a{n}": {} for n in range(501)}})
    assert (len(many), many[-2:]) == (502, ["- `a499`", "- and other fields"])
    assert schema_lines({"enum": [*range(501)]})[0].endswith(", 499, and others")


MORE = """openapi: 3.1.0
servers: [{url: 'https://{area}.x.org', variables: {area: {default: eu, enum: [eu, us], description: The region.}}}]
paths:
  /a:
    post:
      responses:
        200: {headers: {Link: {description: The next page., schema: {type: string}}}}
      callbacks: {done: {'{$url}': {post: {summary: Counted}}}}
webhooks: {born: {post: {summary: A calf}}}
components:
  securitySchemes: {o: {type: oauth2, flows: {implicit: {scopes: {herd: Read the herd}}}}}
"""


def test_scopes_headers_variables_callbacks_and_webhooks_are_read():
    shown = (
        "Servers:\n\n- https://{area}.x.org\n  - `area` (one of eu, us, default eu): The region.\n\n"
        "Authentication:\n\n- `o` (oauth2)\n  - `herd`: Read the herd\n\n"
        "# POST /a\n\nResponses:\n\n- 200\n  - header `Link` (string): The next page.\n\n"
        "# POST {$url} (callback done of POST /a)\n\nCounted.\n\n# POST born (webhook)\n\nA calf.\n"
    )
    assert text("a.yaml", MORE) == shown


def test_parts_in_other_files_are_named():
    spec = "openapi: 3.0.0\npaths: {/a: {get: {summary: A, responses: {200: {$ref: 'b.yaml#/B'}}}}}\n"
    assert converted("a.yaml", spec).warning.startswith("parts in other files are not read (b.yaml): make one file")
    assert "(a/b.yaml)" in refusal(".yaml", "openapi: 3.0.0\npaths: {/a: {$ref: a/b.yaml}}\n")
    assert converted("a.yaml", MORE).warning == ""


def test_a_key_that_is_there_twice_is_refused_and_settings_next_to_a_specification_are_not_read():
    twice = "openapi: 3.0.0\npaths:\n  /a: {get: {summary: A}}\n  /a: {put: {summary: B}}\n"
    assert refusal(".yaml", twice) == "line 4: the key /a is there twice; remove or rename one"
    assert text("a.yaml", f"kind: Config\n---\n{MORE}") == text("a.yaml", MORE)
    assert refusal(".yaml", f"{MORE}---\n{MORE}").startswith("2 specifications in one file")


def test_values_of_yaml_are_read_as_written_and_merged_ones_are_there():
    spec = (
        "openapi: 3.1.0\nx: &x {summary: Counts.}\npaths:\n  /a: {get: {<<: *x, responses: {200: {description: NO}}}}\n"
    )
    assert text("a.yaml", spec) == "# GET /a\n\nCounts.\n\nResponses:\n\n- 200: NO\n"
    assert "- 200: 2026-03-01" in text("a.yaml", spec.replace("NO", "2026-03-01"))


def test_other_yaml_is_refused_with_a_remedy():
    settings = "openapi: 3\n---\nb: 1"
    for content in ("a: 1", "- b", "openapi: 3.0.0", "a:\n  swagger: {paths: x}", "text: 'openapi: 3'", settings):
        assert "write what they mean as .md" in refusal(".yaml", content)
    for content in ("openapi: [", "openapi: 3.0.0\npaths: {? [a] : 1}"):
        assert refusal(".yml", content).startswith("not YAML: ")
    assert "without operations" in refusal(".yml", "openapi: 3.0.0\npaths: {/a: ~, /b: {get: }}\n")


def test_hostile_yaml_runs_nothing_and_ends(tmp_path):
    run = f"openapi: 3.0.0\npaths: {{a: !!python/object/apply:pathlib.Path.mkdir [{tmp_path / 'made'}]}}"
    assert "could not determine a constructor" in refusal(".yaml", run)
    assert not (tmp_path / "made").exists()
    inner = "".join(
        f"a{n}: &a{n} {{properties: {{{', '.join(f'x{k}: *a{n - 1}' for k in range(10))}}}}}\n" for n in range(1, 10)
    )
    bomb = f"openapi: 3.0.0\na0: &a0 {{type: string}}\n{inner}components: {{schemas: {{X: *a9}}}}\n"
    assert len(text("a.yaml", bomb)) < 20_000
    itself = "&x {type: array, items: *x, oneOf: [*x, *x], allOf: [*x, *x], properties: {a: *x, b: *x}}"
    assert "# X" in text("a.yaml", f"openapi: 3.0.0\ncomponents: {{schemas: {{X: {itself}}}}}\n")
    assert "# GET /b" in text("a.yaml", "openapi: 3.0.0\npaths: {/a: {$ref: '#/paths/~1a'}, /b: {get: {summary: B}}}\n")
    assert "nest" in refusal(".yaml", "openapi: 3.0.0\nx: " + "[" * 100_000)


def operation_text(operation, **root):
    """The text of a specification with one operation, without the heading of the operation."""
    spec = {"openapi": "3.0.0", "paths": {"/a": {"get": operation}}, **root}
    return text("a.json", json.dumps(spec)).replace("# GET /a\n\n", "")


def test_the_id_and_the_authentication_of_an_operation_are_read():
    secured = {
        "operationId": "listMills",
        "summary": "Lists.",
        "security": [{"key": []}, {"o": ["read", "sum"], "pin": []}],
    }
    assert operation_text(secured) == (
        "Lists.\n\nOperation ID: listMills\n\nAuthentication: `key` or `o` (read, sum) and `pin`\n"
    )
    assert operation_text({"summary": "Lists.", "security": []}) == "Lists.\n\nAuthentication: none\n"
    every = [{"key": []}, {}]
    assert operation_text({"summary": "Lists."}, security=every) == "Authentication: `key` or none\n\nLists.\n"


def test_all_media_types_are_read_with_what_each_contains():
    user, form = {"schema": USER}, {"schema": {"properties": {"file": {"type": "string"}}}}
    body = {
        "content": {"application/json": user, "application/xml": user, "multipart/form-data": form},
        "required": True,
    }
    returned = {"200": {"description": "Yes.", "content": {"application/pdf": {}}}, "201": body}
    assert operation_text({"requestBody": body, "responses": returned}) == (
        "Request body (application/json or application/xml, User, required)\n\n- as multipart/form-data\n"
        "  - `file` (string)\n\nResponses:\n\n- 200 (application/pdf): Yes.\n"
        "- 201 (application/json or application/xml, User, required)\n  - as multipart/form-data\n    - `file` (string)\n"
    )
