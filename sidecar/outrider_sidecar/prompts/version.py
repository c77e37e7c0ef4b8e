"""Prompts of a snapshot, ready for requests: versions compiled once, and their split."""

import msgspec

from outrider_sidecar.prompts import parameters, template
from outrider_sidecar.prompts.split import Split
from outrider_sidecar.prompts.tools import Tools
from outrider_sidecar.prompts.variables import Declared
from outrider_sidecar.snapshot import Prompt, Template, Version


class Line(msgspec.Struct, frozen=True):
    """A template's message. `role` None is the place of the caller's conversation."""

    role: str | None
    parts: template.Parts


CONVERSATION = Line(None, ("",))


class CompiledVersion:
    """A prompt version whose texts are parsed and whose constant JSON is encoded.

    `lines` is empty for a version without messages, else it holds the conversation's place
    exactly once. `names` are the variables its texts use, each once, in order.
    """

    __slots__ = ("declared", "lines", "name", "names", "parameters", "source", "tools")

    def __init__(self, name: str, source: Template) -> None:
        self.name = name
        self.source = source
        lines = [
            CONVERSATION
            if message.placeholder
            else Line(message.role, template.parse(message.content or ""))
            for message in source.messages
        ]
        if lines and CONVERSATION not in lines:
            lines.append(CONVERSATION)
        self.lines = tuple(lines)
        self.names = tuple(dict.fromkeys(n for line in lines for n in template.names(line.parts)))
        self.declared = {variable.name: Declared.of(variable) for variable in source.variables}
        self.tools = Tools.of(source.tools)
        self.parameters = parameters.Compiled.of(source)


class PromptEntry:
    """A prompt and its versions. A version is compiled when a request first needs it.

    So neither a start nor a reload depends on how many versions there are, and versions that
    are the same as in the entry before keep their compiled form.
    """

    __slots__ = ("_compiled", "name", "prompt", "split")

    def __init__(self, name: str, prompt: Prompt, previous: "PromptEntry | None" = None) -> None:
        self.name = name
        self.prompt = prompt
        self.split = Split(prompt.salt, prompt.ranges)
        self._compiled: dict[str, CompiledVersion] = {}
        for compiled in previous.compiled if previous else ():
            version = prompt.versions.get(compiled.name)
            if version is not None and version.prompt == compiled.source:
                self._compiled[compiled.name] = compiled

    @property
    def compiled(self) -> tuple[CompiledVersion, ...]:
        """The versions that are compiled already."""
        return tuple(self._compiled.values())

    @property
    def versions(self) -> dict[str, Version]:
        """The versions that a request may name."""
        return self.prompt.versions

    def version(self, name: str) -> CompiledVersion:
        """The compiled version; raises KeyError when the prompt has none of that name."""
        found = self._compiled.get(name)
        if found is None:
            found = CompiledVersion(name, self.prompt.versions[name].prompt)
            self._compiled[name] = found
        return found
