"""The Gemini emulator's answers to a request for a picture: the picture, or what a fault puts in its place.

Pure but for the painting. ``texts`` shares ``refuses`` and ``whole_answer``.
"""

import uuid
from dataclasses import dataclass, replace
from typing import Any

from PIL import Image

from assetgen_emulators.gemini import faults, protocol
from assetgen_emulators.painting import as_jpeg, as_png, paint


@dataclass(frozen=True)
class Drawing:
    """A request for a picture that the API has accepted."""

    question: protocol.Question
    model_name: str
    model: protocol.Model
    size: tuple[int, int]
    thoughts: int

    @classmethod
    def accept(cls, body: Any, model_name: str) -> "Drawing":
        """Returns the request; raises Rejected where the API would not take it."""
        model = protocol.check_model(model_name)
        size, thoughts = protocol.check_body(body, model), protocol.check_thinking(body, model)
        return cls(protocol.read_question(body), model_name, model, size, thoughts)

    def tokens(self, action: faults.AnyAction | None) -> protocol.Tokens:
        """Returns the tokens of the answer."""
        references = self.question.reference_images * self.model.reference_tokens
        asked = protocol.Tokens(protocol.token_count(self.question.prompt), references=references)
        usual = replace(asked, image=self.model.image_tokens, text=self.model.words, thoughts=self.thoughts)
        return asked if refuses(action) else _answer_tokens(asked, usual, action)

    def billed_usd(self, tokens: protocol.Tokens) -> float:
        """Returns their price."""
        return tokens.billed_usd(self.model)

    def answer(self, action: faults.AnyAction | None, tokens: protocol.Tokens) -> protocol.Json:
        """Returns the whole body of a 200."""
        parts = [] if refuses(action) else _parts(self.question.prompt, self.size, action)
        body = protocol.candidate_body(parts, "STOP")
        if isinstance(action, faults.OddPart) and action.later:
            body["candidates"].insert(0, protocol.candidate_body([], "IMAGE_OTHER")["candidates"][0])
        return whole_answer(body, action, tokens, self.model_name)


def refuses(action: faults.AnyAction | None) -> bool:
    """Returns whether nothing is drawn or written, so that only the input is billed."""
    return isinstance(action, faults.PromptBlocked | faults.NoImage)


def whole_answer(
    body: protocol.Json, action: faults.AnyAction | None, tokens: protocol.Tokens, model_name: str
) -> protocol.Json:
    """Returns the whole body of a 200: what was drawn or written, or a refusal if the fault is one."""
    match action:
        case faults.PromptBlocked(reason=reason):
            body = {"promptFeedback": {"blockReason": reason}}
        case faults.NoImage(finish_reason=reason, finish_message=message):
            body = protocol.candidate_body([], reason, message)
    if not isinstance(action, faults.NoUsage):
        body["usageMetadata"] = tokens.as_usage()
    elif action.only_details:
        body["usageMetadata"] = tokens.as_usage(details=False)
    return body | {"modelVersion": model_name, "responseId": uuid.uuid4().hex[:22]}


def _answer_tokens(asked: protocol.Tokens, usual: protocol.Tokens, action: faults.AnyAction | None) -> protocol.Tokens:
    match action:
        case faults.TextOnly(text=text):
            return replace(asked, text=protocol.token_count(text))
        case faults.TextBeside(text=text):
            return replace(usual, text=protocol.token_count(text))
        case faults.Thoughts(tokens=tokens):
            return replace(usual, thoughts=tokens)
        case faults.TwoImages():
            return replace(usual, image=2 * usual.image)
    return usual


def _parts(prompt: str, size: tuple[int, int], action: faults.AnyAction | None) -> list[protocol.Json]:
    if isinstance(action, faults.TextOnly):
        return [protocol.text_part(action.text)]
    if isinstance(action, faults.OddPicture):
        size = action.width or size[0], action.height or size[1]
        if action.flat:
            return [protocol.image_part(as_png(Image.new("RGB", size, (122, 122, 122))))]
    picture = paint(prompt, *size)
    if isinstance(action, faults.JpegLabelledPng):
        return [protocol.image_part(as_jpeg(picture))]
    png = as_png(picture)
    part = protocol.image_part(png[: len(png) // 2] if isinstance(action, faults.HalfPng) else png)
    match action:
        case faults.TextBeside(text=text):
            return [protocol.text_part(text), part]
        case faults.OddPart(mime_type=mime_type):
            part["inlineData"]["mimeType"] = mime_type
        case faults.TwoImages():
            return [protocol.image_part(as_png(paint(f"{prompt}, first attempt", *size))), part]
        case faults.Thoughts(drafts=drafts, after=after):
            sketches = [as_png(paint(f"{prompt}, draft {number}", 256, 144)) for number in range(drafts + after)]
            thoughts = [protocol.image_part(sketch, thought=True) for sketch in sketches]
            musing = protocol.text_part("Where should the light fall?", thought=True)
            return [musing, *thoughts[:drafts], part, *thoughts[drafts:]]
    return [part]
