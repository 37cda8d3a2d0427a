"""What the generated sources say of each thing.

The Swift ones say all of it. It is read there, written into those of Ruby, whose generator leaves it out, and looked for in
every language. A thing is named by its place, without regard to how a language writes names: `("client", "listaccounts")`.
"""

import ast
import re

TYPE = re.compile(r"(?:(?:public|open|final|indirect) )*(struct|class|protocol|enum) (\w+)")
FUNCTION = re.compile(r"public func (\w+)")
MEMBER = re.compile(r"(?:public convenience (init)|(?:public static func|open func|    func|    public var|    case) `?(\w+))")
# What Swift itself asks for.
SWIFTS_OWN = ("description", "errorDescription", "customMirror")


def plain(name):
    """A name as all languages have it."""
    return name.replace("MonoException", "MonoError").replace("_", "").lower()


def read(swift):
    """What the Swift sources say of each type, function, method, case and field; it is an error where they say nothing."""
    found, owner, case, said = {}, None, None, None
    # `public` stands alone before an enum.
    for part in re.split(r"(/\*\*\n.*?\s*\*/)", swift.replace("public \nenum", "public enum"), flags=re.DOTALL):
        if part.startswith("/**"):
            said = [re.sub(r"^\s*\* ?", "", line).rstrip() for line in part.split("\n")[1:-1]]
            continue
        for line in part.lstrip("\n").split("\n"):
            place = None
            if type_ := TYPE.match(line):
                is_inner = type_[2].startswith(("Ffi", "Uniffi", "Rust")) or type_[2].endswith("Protocol")
                owner, case = None if is_inner else plain(type_[2]), None
                place = owner and (owner,)
            elif re.match(r"(?:fileprivate|private|extension)\b", line):
                owner = case = None
            elif function := FUNCTION.match(line):
                place = None if function[1].startswith(("Ffi", "uniffi")) else (plain(function[1]),)
            elif owner and (member := MEMBER.match(line)):
                name = member[1] or member[2]
                place = None if name in SWIFTS_OWN else (owner, plain(name))
                case = place if "case" in member[0] else None
            elif case and said and (field := re.match(r"(\w+):", line)):
                place = (*case, plain(field[1]))
            if place and not said:
                raise RuntimeError(f"the Swift sources say nothing of {'.'.join(place)}")
            if place:
                found[place] = said
            said = None
    if ("permissionset", "checkall") not in found:
        raise RuntimeError("the generated sources have changed: nothing is found in those of Swift")
    return found


def ruby(source, documents):
    """The Ruby sources, with what there is to say of each thing, as YARD reads it."""
    written, missing, owner, inner = [], set(documents), None, None

    def say(place, indent):
        missing.discard(place)
        text, _, errors = "\n".join(documents[place]).partition("\n\n# Errors\n")
        if errors:
            text += "\n\n@raise [MonoError] " + errors.replace("\n", "\n  ")
        written.extend(f"{indent}# {line}".rstrip() for line in text.split("\n"))

    for line in source.split("\n"):
        words = re.match(r"(\s*)(?:(?:class|module) (\w+)|def (self\.)?(\w+)|attr_reader (.+)|([A-Z]+) = \d+)", line)
        indent, type_, is_static, method, fields, constant = words.groups() if words else [None] * 6
        if type_ and " < " in line and (owner, plain(type_)) in documents:
            inner = plain(type_)
            say((owner, inner), indent)
        elif type_:
            owner, inner = plain(type_), None
            if (owner,) in documents:
                say((owner,), indent)
        elif method or constant:
            name = plain(method or constant).replace("initialize", "init")
            if not inner and (owner, name) in documents:
                say((owner, name), indent)
            elif is_static and (name,) in documents:
                say((name,), indent)
        elif fields:
            for field in fields.split(", "):
                place = (owner, inner, plain(field[1:])) if inner else (owner, plain(field[1:]))
                if place in documents:
                    say(place, indent)
                written.append(f"{indent}attr_reader {field}")
            continue
        if not line.strip().startswith("# Record type"):
            written.append(line)
    if missing:
        raise RuntimeError(f"not in the Ruby sources: {sorted(missing)}")
    return "\n".join(written)


def kotlin(source):
    """The places that the Kotlin sources document."""
    found, owner, case = set(), None, None
    before = re.compile(r"(?:\s|@\w+(?:\([^)\n]*\))?|\b(?:public|open|override|suspend|sealed|data|enum)\b)*")
    kind = re.compile(r"(?:class|interface) (\w+)|(?:fun|va[lr]) `(\w+)`|(constructor)\(|([A-Z]+)[,;]")
    top = re.compile(r"^(?:\w+ )*(?:class|interface|object) (\w+)", re.MULTILINE)
    for part in re.split(r"(?<=\*/)", source):
        code, _, _ = part.partition("/**")
        if declared := kind.match(code, before.match(code).end()):
            name = plain(next(filter(None, declared.groups())).replace("constructor", "init"))
            is_top = not code[: declared.start()].split("\n")[-1].startswith(" ")
            if declared[1] and not is_top:
                case = (owner, name)
            found |= {(name,), (owner, name), (*(case or ()), name)}
        if types := top.findall(code):
            owner, case = plain(types[-1]), None
    return found


def python(source, within=()):
    """The places that the Python sources document, and those of fields, of which the generator says nothing."""
    for node in ast.parse(source).body if isinstance(source, str) else source:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            place = (*within, plain(node.name.replace("__init__", "init")))
            yield place, ast.get_docstring(node)
            if isinstance(node, ast.ClassDef):
                yield from python(node.body, place)


def check(language, source, documents):
    """Looks whether the sources of a language document all that there is."""
    if language == "kotlin":
        lacking = set(documents) - kotlin(source)
    elif language == "python":
        declared = dict(python(source))
        lacking = {place for place, said in declared.items() if place in documents and not said}
        # It says nothing of fields.
        lacking |= {place for place in documents if place not in declared and len(place) == 1}
    else:
        # Those of Swift are what was read, those of Ruby what was written.
        return
    if lacking:
        raise RuntimeError(f"the {language} sources say nothing of {sorted(lacking)}")
