"""Sentences that are stored, or that galaxies.ml says, in the reader's language.

A bundle, a row of a training run and galaxies.ml itself speak English; pages translate when they show it.

in_words("Stopped in phase encoder, which begins anew.")
"""

import re
from functools import cache

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from nebulai.numbers import number

# How a training went (galaxies.training), and what people asked of it
TRAINING = (
    gettext_noop("Cancelled."),
    gettext_noop("Cancelled before it began."),
    gettext_noop("%(run)s is done: give it a larger budget to train it further."),
    gettext_noop("%(run)s is under way already."),
    gettext_noop("One training runs at a time, and %(who)s: cancel it, or wait until it is done."),
    gettext_noop("%(run)s waits for a worker"),
    gettext_noop("%(run)s is under way"),
    gettext_noop("one is"),
    gettext_noop("%(run)s does not wait to be trained any more."),
    gettext_noop(
        "Its process ended without a word, or the machine did: resume it, it goes on from its last checkpoint."
    ),
    gettext_noop("It was ended by %(signal)s, perhaps because memory ran out: resume it from its last checkpoint."),
    gettext_noop("It was ended by %(signal)s: resume it from its last checkpoint."),
    gettext_noop("It ended with status %(status)s and no word: resume it, or start anew."),
    gettext_noop("Stopped in phase %(phase)s, which begins anew."),
    gettext_noop("Stopped in phase %(phase)s after %(count)s images, all saved."),
    gettext_noop("Stopped between two phases, all saved."),
    gettext_noop("It was told to stop by %(signal)s."),
    gettext_noop("The worker that had started it is gone."),
    gettext_noop("The disk is full: make room and resume."),
    gettext_noop("%(what)s cannot be read or written (%(reason)s): mend that and resume."),
    gettext_noop("It failed unexpectedly (%(reason)s): its log has more."),
    gettext_noop("The training cannot be started (%(reason)s): mend that and resume."),
    gettext_noop("There is no run %(run)s in %(folder)s: start one with --images."),
    gettext_noop("%(file)s in %(folder)s is damaged: put back a copy of it, or start a new run."),
    gettext_noop("run.json has options that this release does not know, %(names)s: take them out of it."),
    gettext_noop("run.json has %(value)s as %(option)s, which cannot be: write there what it was."),
    gettext_noop("The images are not those that the run began with: start a new one."),
    gettext_noop(
        "The images are not those that the run began with: there were %(before)s, and there are %(now)s. Put them back "
        "as they were, or start a new run."
    ),
)

# What a look at images finds (galaxies.training.preview, galaxies.ml.data)
IMAGES = (
    gettext_noop("Images"),
    gettext_noop("Sizes"),
    gettext_noop("Labels"),
    gettext_noop("Duplicates"),
    gettext_noop("Split"),
    gettext_noop("Time"),
    gettext_noop("none"),
    gettext_noop("about %(time)s with preset %(preset)s on this machine"),
    gettext_noop("%(count)s read from %(source)s, %(skipped)s skipped"),
    gettext_noop("%(sizes)s and %(count)s other sizes"),
    gettext_noop("%(labelled)s of %(count)s images: %(names)s"),
    gettext_noop("%(names)s and %(count)s more"),
    gettext_noop("%(table)s labels %(labelled)s of %(count)s images."),
    gettext_noop("%(count)s, told by their pixels"),
    gettext_noop("%(train)s to train on, %(held_out)s held out, fewer than the %(needed)s that a measurement needs"),
    gettext_noop("%(train)s to train on, %(held_out)s held out"),
    gettext_noop("Only %(count)s usable images: at least %(least)s are needed."),
    gettext_noop("Only %(count)s usable images in %(source)s, %(skipped)s skipped: at least %(least)s are needed."),
    gettext_noop("The images could not be looked at: the log of the worker says why."),
    gettext_noop("more than %(count)s images"),
    gettext_noop("%(count)s images"),
    gettext_noop("No folder of data sets is set: name one in NEBULAI_DATASETS_DIR, or use drawn galaxies."),
    gettext_noop("%(name)s leads out of the folder of data sets: choose one of those that are listed."),
    gettext_noop("%(name)s is not there any more: put it back, or choose another one."),
    gettext_noop("%(name)s holds no JPEG, PNG or WebP image: put some into it, or choose another one."),
    gettext_noop("%(what)s cannot be read (%(reason)s): mend that first."),
    gettext_noop("an exact duplicate"),
    gettext_noop("%(width)s x %(height)s is smaller than %(side)s px"),
    gettext_noop("no JPEG, PNG, WebP or TIFF image, or a damaged one"),
    gettext_noop("larger than Pillow reads for safety's sake"),
    gettext_noop("damaged (%(reason)s)"),
    gettext_noop("%(count)s pages in one file"),
    gettext_noop("animated"),
    gettext_noop("not RGB but %(mode)s"),
    gettext_noop("wholly transparent"),
    gettext_noop("grey: colour is part of what is learned"),
    gettext_noop("no readable FITS file (%(reason)s)"),
    gettext_noop("a FITS file without an image"),
    gettext_noop("a band without a finite pixel"),
)

# Measuring a version and learning what people like (galaxies.registry.measurement, galaxies.learning, .preferences)
ORDERS = (
    gettext_noop("It was ended (%(reason)s): order it again."),
    gettext_noop("lack of memory, perhaps"),
    gettext_noop("signal %(number)s"),
    gettext_noop("It took more than an hour and was ended: ask again at a quieter time."),
    gettext_noop("It was ended: the worker's log says why. Ask again when that is mended."),
    gettext_noop(
        "There are %(votes)s votes and at least %(least)s are needed: come back when %(missing)s more are cast."
    ),
    gettext_noop(
        "Galaxies with a %(vote)s: %(count)s, and at least %(least)s are needed, because what people like shows only "
        "beside what they do not."
    ),
    gettext_noop("like"),
    gettext_noop("dislike"),
    gettext_noop(
        "The images do not tell what people like: the AUC is %(auc)s, and of so many votes it must be at least "
        "%(least)s, where 0.5 is chance. Try again when there are more votes."
    ),
    gettext_noop("No model version is active, and its encoder is needed: train or activate one first."),
    gettext_noop(
        "Learned from %(votes)s votes on %(galaxies)s galaxies: AUC %(auc)s, where 0.5 is chance; measured on galaxies "
        "that were not learned from."
    ),
)

# A bundle's numbers (galaxies.ml.evaluation, galaxies.ml.kid_in_words)
NUMBERS = (
    gettext_noop("FID needs at least %(least)s generated samples, and there are %(count)s: read KID."),
    gettext_noop("Fewer than %(least)s images on a side: too few for a number."),
    gettext_noop(
        "It does not tell real galaxies at half the resolution from real ones, so it says nothing of sharpness."
    ),
    gettext_noop("As near to real as other real galaxies."),
    gettext_noop("Nearer to real than real galaxies at %(resolution)s."),
    gettext_noop("As far from real as real galaxies at %(resolution)s."),
    gettext_noop("Further from real than real galaxies at %(worse)s, nearer than real galaxies at %(better)s."),
    gettext_noop("%(times)s times as far from real as real galaxies at %(resolution)s."),
    gettext_noop("half the resolution"),
    gettext_noop("a quarter of the resolution"),
    gettext_noop("the model's own encoder, which sees form alone, at %(side)s px"),
    gettext_noop("the model's own encoder, which sees form alone"),
    gettext_noop("%(network)s, trained on ImageNet: the whole image at %(side)s px"),
    gettext_noop("Keras Inception-v3, not comparable with numbers from other Inception weights"),
    gettext_noop("bicubic, antialiased, to %(side)s px (Pillow)"),
    gettext_noop("area, to %(side)s px"),
    gettext_noop("held-out"),
    gettext_noop("share of the light"),
    gettext_noop("magnitudes of the displayed image"),
    gettext_noop("share of the image's width"),
    gettext_noop("%(low)s to %(high)s"),
)

# What is wrong with a bundle (galaxies.ml.bundle, galaxies.registry)
BUNDLES = (
    gettext_noop("%(version)s is not on this host and cannot be fetched at the moment: %(reason)s"),
    gettext_noop("%(version)s in the storage is not the bundle that the database knows: register it again."),
    gettext_noop("%(version)s cannot be loaded by the cluster at %(address)s."),
    gettext_noop("%(file)s is missing: restore the folder or import the bundle again."),
    gettext_noop("%(file)s is damaged: restore the folder or import the bundle again."),
    gettext_noop("%(file)s is damaged (its checksum differs): restore it or import the bundle again."),
    gettext_noop("%(file)s is not of bundle format %(number)s: train or import the model again."),
    gettext_noop("%(file)s lacks %(what)s: restore the folder or import the bundle again."),
    gettext_noop("%(file)s names %(name)s, which lies outside the bundle: do not use this bundle."),
    gettext_noop("%(file)s does not describe its own weights: train or import it again."),
    gettext_noop("%(path)s is not the bundle that galaxies of %(version)s were generated by; give it another version."),
)

# What a training writes of its losses
LOSSES = (
    gettext_noop("contrastive"), gettext_noop("critic"), gettext_noop("discriminator"), gettext_noop("error"),
    gettext_noop("faithful"), gettext_noop("generator"), gettext_noop("grain"), gettext_noop("heads"),
    gettext_noop("kept"), gettext_noop("kid"), gettext_noop("kl"), gettext_noop("mismatch"), gettext_noop("moments"),
    gettext_noop("names"), gettext_noop("own grain"), gettext_noop("penalty"), gettext_noop("pixels"),
)  # fmt: skip

ALL = (*TRAINING, *IMAGES, *ORDERS, *NUMBERS, *BUNDLES, *LOSSES)
PLACE = re.compile(r"%\((\w+)\)s")
NUMERIC = r"[\d.,]*\d"  # the words that stand in these places
NUMERIC_PLACES = {
    *("auc", "before", "count", "galaxies", "held_out", "height", "high", "labelled", "least", "low", "missing"),
    *("needed", "now", "number", "side", "skipped", "status", "times", "train", "votes", "width"),
}
NUMBER = re.compile(r"\d{1,3}(?:,\d{3})*(?:\.(\d+))?|\d+")


def in_words(text: str) -> str:
    """Return a sentence of ours in the reader's language, its numbers too; what is not ours stays as it is."""
    if text in ALL:
        return _(text)
    if (plain := text.replace("_", " ")) in LOSSES:
        return _(plain)
    for sentence, pattern in _patterns():
        if found := pattern.fullmatch(text):
            return _(sentence) % {name: _part(part) for name, part in found.groupdict().items()}
    first, stop, rest = text.partition(". ")
    return f"{in_words(first + '.')} {in_words(rest)}" if stop and rest else text


def _part(text: str) -> str:
    if found := NUMBER.fullmatch(text):
        return number(float(text.replace(",", "")), len(found[1] or ""))
    return _(text) if text in ALL else in_words(text)


@cache
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    """Return the sentences with places for words, and what matches each."""
    return tuple((sentence, _pattern(sentence)) for sentence in ALL if PLACE.search(sentence))


def _pattern(sentence: str) -> re.Pattern[str]:
    words = PLACE.split(sentence)
    kinds = [NUMERIC if word in NUMERIC_PLACES else ".+?" for word in words]
    return re.compile(
        "".join(f"(?P<{words[i]}>{kinds[i]})" if i % 2 else re.escape(words[i]) for i in range(len(words)))
    )
