"""Trains pocket's SentencePiece tokenizer and writes an equivalent `tokenizer.json`.

llama.cpp reads `tokenizer.model`, transformers reads `tokenizer.json`. No prefix space is added and
no white space removed, so the tokens of a text do not depend on the text before it.
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from random import Random

import sentencepiece as spm
from samples import ASSISTANT, BOS, EOS, USER, fresh_document
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, processors
from world import KINDS, STARTS, skill

from disc_lite.prompts.answering import answer_task, question_task

VOCABULARY = 1280
CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    "{% if message['role'] == 'assistant' %}<|assistant|> {{ message['content'] }}{{ eos_token }}"
    "{% else %}<|user|>{{ message['content'] }}{{ eos_token }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def corpus(documents: int = 6000) -> list[str]:
    rng = Random("tokenizer")
    texts = []
    for _ in range(documents):
        w = fresh_document(rng, 2, rename=0.2)
        texts += [w.text, answer_task(skill(rng)[0])]
        fact, sentence = rng.choice(w.said)
        texts += [fact.ask(rng.choice(fact.attribute.questions)), question_task(sentence)]
    forms = [q for attributes in KINDS.values() for a in attributes for q in a.questions]
    # Names begin lines too, without a space before them.
    texts += STARTS * 300
    return [line for text in texts + forms * 20 for line in text.split("\n") if line]


def train_sentencepiece() -> bytes:
    model = io.BytesIO()
    spm.SentencePieceTrainer.train(
        sentence_iterator=iter(corpus()), model_writer=model, model_type="bpe",
        vocab_size=VOCABULARY, byte_fallback=True, split_digits=True, character_coverage=1.0,
        normalization_rule_name="identity", add_dummy_prefix=False, remove_extra_whitespaces=False,
        unk_id=0, bos_id=1, eos_id=2, pad_id=-1, control_symbols=[USER, ASSISTANT],
        minloglevel=2, num_threads=1,
    )  # fmt: skip
    return model.getvalue()


def to_fast(model: bytes) -> Tokenizer:
    """The same BPE for the `tokenizers` library: merges in the order of SentencePiece's scores."""
    sp = spm.SentencePieceProcessor(model_proto=model)
    vocabulary = {sp.id_to_piece(i): i for i in range(sp.get_piece_size())}
    normal = [p for p, i in vocabulary.items() if not (sp.is_control(i) or sp.is_byte(i) or i == 0)]
    merges = []
    for piece in sorted(normal, key=lambda p: vocabulary[p]):
        splits = [(piece[:k], piece[k:]) for k in range(1, len(piece))]
        known = [s for s in splits if s[0] in vocabulary and s[1] in vocabulary]
        merges += sorted(known, key=lambda s: (vocabulary[s[0]], vocabulary[s[1]]))
    tokenizer = Tokenizer(models.BPE(vocabulary, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Replace(Regex(" "), "▁")
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    tokenizer.add_special_tokens(
        [AddedToken(t, special=True, normalized=False) for t in ("<unk>", BOS, EOS, USER, ASSISTANT)]
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BOS} $A", pair=f"{BOS} $A {BOS} $B", special_tokens=[(BOS, 1)]
    )
    return tokenizer


def write_tokenizer(folder: Path) -> Tokenizer:
    folder.mkdir(parents=True, exist_ok=True)
    model = train_sentencepiece()
    (folder / "tokenizer.model").write_bytes(model)
    tokenizer = to_fast(model)
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast", "bos_token": BOS, "eos_token": EOS,
        "unk_token": "<unk>", "add_bos_token": True, "add_eos_token": False,
        "add_prefix_space": False, "clean_up_tokenization_spaces": False,
        "model_max_length": 2048, "chat_template": CHAT_TEMPLATE,
    }  # fmt: skip
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n")
    return tokenizer


def differences(folder: Path, texts: list[str]) -> int:
    """The number of texts that the two tokenizers split differently."""
    sp = spm.SentencePieceProcessor(model_file=str(folder / "tokenizer.model"))
    fast = Tokenizer.from_file(str(folder / "tokenizer.json"))
    return sum(sp.encode(t) != fast.encode(t, add_special_tokens=False).ids for t in texts)


if __name__ == "__main__":
    import sys

    folder = Path(sys.argv[1])
    write_tokenizer(folder)
    rng = Random("check")
    texts = [fresh_document(rng, 3, 0.1).text for _ in range(600)]
    texts += [" leading space", "tabs\tand\nlines\n\n", "naïve – €uro 漢字 🙂", "  two  spaces ", "123 456"]
    print(f"{differences(folder, texts)} of {len(texts)} texts differ")
