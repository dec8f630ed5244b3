"""Every bound and number of the app, once; and the checks of what a page or a client asks for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeVar

Choice = TypeVar("Choice", bound=str)

MEGABYTE = 1 << 20

# Pictures that a page only shows
LIGHT_SIDE = 128  # pixels; up to this side, lossless weighs little: above, WebP at this quality weighs a tenth
SHOWN_QUALITY = 90

# Latents, as they travel
MAX_LATENTS = 64  # in one request
MAX_LATENT = 100.0  # absolute, of one number; the results of a page's arithmetic stay far below
MAX_WORDS = 200  # characters that say what a drawn picture is
MAX_NAME = 255  # characters of the name of the model that drew it: a folder's name is no longer

# What a page may change a latent by
MAX_SCALE = 2.0  # of a channel of a spatial latent
BAR_LIMIT = 3.0  # where the axis of the latent's bars ends, unless a number lies beyond
KNOWN_WELL = 0.7  # of a posterior's standard deviation: below, a dimension tells at least half a bit

# Sampling and directions
MAX_COUNT = 64  # samples in a grid
MAX_TEMPERATURE = 3.0
MAX_SEED = 2**32 - 1
MAX_DEVIATIONS = 3.0  # along a direction
STRIP_COUNT = 7  # pictures along a direction, from one end to the other
PRINCIPAL_COUNT = 6  # principal directions offered
LOCAL_COUNT = 32  # latents that tell the directions around a place
LOCAL_REACH = 2  # pictures to either side of the middle
MIN_LABELLED = 20  # pictures that a label needs for its mean to mean something
MAX_LABELS = 200  # of a column, the most frequent

# The data's latents against the prior
OFF_CENTRE = 0.2  # absolute, of a dimension's mean
WIDE, NARROW = 1.2, 0.8  # of its deviation
TELLING = math.log(2) / 2  # nats, half a bit: of the KL of a dimension that tells something of a picture
IDLE = 0.9  # of the deviation that is the posterior's own: above, the dimension tells little about a picture

# What the dimensions know
TRAVERSED_POINTS = 3  # points of the map that a dimension is traversed from, besides the mean
FACTOR_VALUES = 1_000_000  # numbers of latents that the information about factors is counted over, at most
MAX_FACTORS = 12  # label columns, the first

# Failures
HISTOGRAM_BINS = 32
HISTOGRAM_PERCENTILES = (0.5, 99.5)  # between which a histogram's bins lie; the outer ones hold the rest
MAX_MEASURE = 1e12  # absolute, of the end of a range of errors, KLs or distances
WORST_COUNT = 12  # pictures of the list, worst first, that are shown at a time
MAX_COUNTED_LABELS = 60  # labels of a column that are counted by themselves, the worst drawn

# Between pictures
MAX_STEPS = 65  # pictures of an interpolation
CORNER_SIDE = 9  # pictures along an edge of the square between four
MAX_STRENGTH = 2.0  # of an analogy
EXPORT_SIDE = 256  # pixels at least, of an exported animation
EXPORT_STRIP = 9  # pictures of an exported strip
FRAME_MILLISECONDS = 60  # of an exported animation
FILMS_AT_ONCE = 2  # that are encoded

# The map
MAX_COORDINATE = 1e6  # of a map, which is some tens wide
PATH_CORNERS = 512  # of a path over the map
PATH_COUNT = 33  # pictures along it, and along the direction between two groups
NEIGHBOURS = 8  # nearest latents: shown beside a point, and placing a picture
SHEPARD_NEIGHBOURS = 6  # nearest points on the map that a place between points is mixed from
AMONG, EDGE = 2.0, 4.0  # spacings of the data to the nearest latent: among the data, at its edge
FOREIGN = 1.7  # times the error that 99% of the data stay below: from there on, a picture is of another kind
NEAR, BETWEEN = 20.0, 100.0  # spacings of the map to the nearest point: near data, between points
THUMBNAIL = 64  # pixels; the side of a picture on the map
MAX_THUMBNAILS = 32  # in one request
TELLING_POINTS, TELLING_NEIGHBOURS = 2_000, 10  # of the map, that tell which labels it keeps together
FEWEST_ALIKE = 3  # points a label needs on average for its colour to say something
GROUP_LABELS = 3  # most frequent labels named of a group
MAX_SELECTIONS = 32  # of one map, that a person keeps
MAX_SAVED_LINES = 100_000  # of the table of all of them, some 16 MB
MAX_SELECTION_NAME = 60  # characters
MAX_KEPT = 1_000_000  # characters of all selections that a browser keeps: it has room for some five times as much
RARE = 0.05  # of a group: a label so rare says nothing of it
COLOUR_PERCENTILES = (1, 99)  # between which a column's colours run, so that a few outliers do not take them all

TOUR_STOPS = 24  # points that the walk of the first page goes through
TOUR_ROUNDS = 12  # of k-means, which finds them
MAX_LANDMARKS = 200  # points whose pictures are strewn over it
LANDMARK_BYTES = 128 << 10  # of their latents

EXAMPLE_POINTS = 6  # offered as examples, by a model that the app has no example pictures for

# Uploads
MAX_FILE_MEGABYTES = 30
MAX_FILES = 200  # of a batch
OPENED_AT_ONCE = 2  # pictures, each in a process of its own (app/explore/reader.py)
LARGE_PIXELS = 16_000_000  # those of more take seconds
LARGE_AT_ONCE = 1  # of these, besides
READER_SECONDS = 6  # of a processor, for a picture; one of 64 megapixels takes up to three
READER_WAITS = 60  # seconds of a clock, where the processors have too much to do, or their time cannot be bounded
READER_MEGABYTES = 900  # that such a process has, on Linux; one of 64 megapixels takes up to 670
DRAWN_LEVELS = 8  # of 255, that a picture may be from its latent's and still be taken for it

KEPT_SESSIONS = 500  # whose state is kept, each 30 KB and what its tabs show. More people than that use a page at once
# on no machine of two cores; who comes back later finds the page as it begins
KEPT_SECONDS = 86_400  # how old an upload, or a file that the app wrote, may grow
KEPT_PROGRESS = 200  # uploads whose progress can be asked for
UNFINISHED_SECONDS = 600  # how long nothing may come of a file that is still being written
CROWDED_SECONDS = 3_600  # how old those may grow while they take more of the disk than is left
VISITOR_FILES = 20_000  # of a visitor's in that time: a hundred batches; one takes two names of the disk, and some work
FILES_AT_ONCE = 16  # of an upload, that are open
KEPT_UPLOADERS = 10_000  # visitors of whom it is known how much they uploaded in that time
LEAST_FREE = 500  # megabytes of a disk, or a tenth of a small one, that uploads leave to what the app writes
LEAST_FILES = 100_000  # that can still be made on it, or a tenth where there are few; an upload takes two
TIDY_SECONDS = 600  # how often those that are older are deleted
STOP_SECONDS = 3.0  # that a server takes to end what it is doing

# Visitors. Threads answer what they ask; a visitor has some of them, and the others' stay free
WORKING_AT_ONCE = 6  # threads that wait for no others; more keep each other from the interpreter
BEGUN_AT_ONCE = 450  # and with those that wait; each holds up to 10 MB
PEER_BEGUN = 100  # of these, of all visitors that one address, such as a proxy's, speaks for
MANY_AT_ONCE = 350  # of these, that ask for many pictures: they work for minutes where so many do
PEER_MANY = 80  # of these, as of PEER_BEGUN
QUEUED_AT_ONCE = 5_000  # questions of Gradio's queue, which wait for threads; ten addresses have that many
VISITOR_AT_ONCE = 8  # questions at work
VISITOR_WAITING = 100  # more, that wait, and as many in Gradio's queue; a class at one address shares these too
KEPT_PAGES = 24  # as they go out, up to a megabyte each: for addresses by which people come, and ways to compress
PAGES_AT_ONCE = 2  # pages, which are made one after another
LET_IN_AT_ONCE = 4  # requests of everybody's, each time that the loop comes round; and steps of questions at work
NOTICED_SECONDS = 0.002  # of work that everybody waits for: what takes longer is not done each time
COUNTED_SECONDS = 1.0  # how old the number of questions that wait may be
SHORT_AT_ONCE = 16  # requests that take little, such as for files: browsers have six of HTTP/1.1
LONG_AT_ONCE = 32  # files that go out in pieces, as fast as they are read
KEPT_SERVED = 1_000  # visitors of whom it is known in which order their pictures were read, and what they were given
KEPT_FILES = 100  # tables and archives that a visitor was given
HALF_SECONDS = 10.0  # after which what somebody had of the server counts half, where who had least is next
PEER_WAITING = 500  # of all visitors that one address, such as a proxy's, speaks for; and as many in Gradio's queue
SPOKEN_FOR = 3  # of the names for whom an address says it speaks, one for each proxy, that count one by one
UNREAD_SECONDS = 600  # how long an answer from Gradio's queue is kept for who has not fetched it
UNHEARD_SECONDS = 60  # how long a question there is worked on, or kept for that, while nobody listens for its answer
KEPT_STREAMS = 200  # sessions that wait for no answer, of which a page may be about to ask for the next

# Requests
MAX_REQUEST_MEGABYTES = 48  # of one that is no upload: a picture of 30 MB as a data URL, or 64 large latents
MAX_UPLOAD_MEGABYTES = 2_000  # of one upload, of up to 200 files
# Of a text beside an upload's files, of which the page sends none; and of a name and password.
MAX_FIELD_BYTES = 1 << 16
VISITOR_MEGABYTES = 100  # of one visitor's requests that are on their way, at work, or in Gradio's queue
ALL_MEGABYTES = 400  # of everybody's; no upload counts, as its files go to the disk
SMALL_BYTES = 1 << 16  # of a request or an answer that has room in any case, and of the pieces of larger answers
ANSWER_MEGABYTES = 400  # of everybody's larger answers, that lie in memory until they are read
LONG_BYTES_A_SECOND = 30 * MEGABYTE  # of all larger ones; to read a megabyte takes the loop some 8 ms
LONGEST_ADDRESS = 300  # characters of a host; it stands in the page many times
LONGEST_PATH = 2_000
LONGEST_QUERY = 16_000  # bytes; a link to a view has up to MAX_LINKED_TEXT characters for each of its values
MAX_HEADERS = 200  # of a request
MAX_LOG_LINES = 60  # a minute, on requests that cannot be answered
LEAST_CHUNK = 512  # bytes, of those that a body comes in, on average
ALL_CONNECTIONS = 15_000  # open, and no more than three quarters of the files that the process may have open
ACCEPTED_AT_ONCE = 32  # connections that begin, each time that the loop comes round; what they ask is read next
UNREAD_CONNECTIONS = 2_000  # of these, whose answers are not read as they are written
UNREAD_ANSWER_SECONDS = 90  # how long nothing of an answer may be read
UNSENT_BYTES = 1 << 17  # of an answer, that the system keeps of each until they are read
REQUEST_SECONDS = 30  # in which a connection has to ask something, before and between requests
MAX_JSON_PARTS = 500_000  # lists, mappings and values of a request; latents and pictures are one text each, and what
# a lasso gathers is a number a point
MAX_JSON_LISTS = 20_000  # of these, lists, mappings and keys, which cost most; a latent of 128 x 128 places has 16,513
WIDE_PARTS = 20_000  # a request of more waits for its turn
WIDE_PARTS_A_SECOND = 500_000  # of such requests that are let in; reading them stops all else, for 0.3 s on two cores
FILE_PARTS = 250  # that a mapping counts for there, which may be a file: of 200, each looked for on the disk, 25 ms
MAX_TEXT = 16_000  # characters of a text that somebody types, or of a choice; the longest are an address's
MAX_CHOICES = 1_000  # that are made at once
MAX_PATH = 1_000  # characters of a file's path; to follow its links takes as long as the square of it
MAX_HASH = 100  # characters of a session's name, and of a question's
MAX_DEPTH = 16  # of lists in lists; those of a latent are three deep

# Links
MAX_LINKED_TEXT = 1_000  # characters of one value in the address; a latent that takes more is left out

# Cost
DECODED_AT_ONCE = 2  # by all models: XLA gives one decoding every core, and each of 40 would take its memory
LATER_AT_ONCE = 1  # of these, pieces of a request after its first: else those who draw many leave encodings no core
ENCODED_AT_ONCE = 2  # by all models, too, and of one visitor one
TIMED_DECODES = 3  # the fastest of which counts
UNCERTAINTY_SECONDS = 0.5  # of decoding, for the uncertainty of one picture
UNCERTAIN_AT_ONCE = 6  # pictures whose uncertainty is worked out; who compares three models asks for three
LEAST_UNCERTAINTY_SAMPLES, MAX_UNCERTAINTY_SAMPLES = 4, 16
SUBJECT_BYTES = 32 * MEGABYTE  # of uploads, fitted to the models' sizes: some hundreds
MODEL_BYTES = 64 * MEGABYTE  # of what one model has worked out
# And of the numbers of its map's points, as they are shown and as the files that pages fetch. The largest map's file,
# of 2 million points with 50 columns, has 424 million bytes.
POINTS_BYTES = 512 * MEGABYTE
DECODER_BYTES = 20 * MEGABYTE  # in float16, of a decoder that is offered to browsers
SNAPSHOT_BYTES = 1 * MEGABYTE  # of one moment of a training, which a browser fetches some forty of
SNAPSHOT_FILE_BYTES = 500 * MEGABYTE  # of one that is read here, a few numbers of it
MAX_SNAPSHOTS = 64  # of one training
MAX_MOVED = 5_000  # pictures whose places at these moments are shown; training keeps 500
MAX_LABEL_NAMES = 1_000_000  # characters that name their labels, in one moment's file
MOMENT_SAMPLES = 12  # drawn at a moment of it, at most
MOMENT_STEPS = 7  # pictures from one to another, drawn at a moment of it
MAP_BYTES = 20 * MEGABYTE  # in float16, of a map's latents that are offered to browsers as a whole
MAX_OPENED = 12  # models opened on the page, each of which is kept in memory
WARM_UP_BYTES = 50 * MEGABYTE  # of a model's weights: a larger one is loaded when somebody picks it

MAX_COMPLAINT = 600  # characters that say what is wrong with a model folder
SHOWN = 60  # characters of a refused value that its message repeats


class RequestError(ValueError):
    """Something asked for that cannot be done, with a message for the person who asked."""


def for_page() -> dict[str, float]:
    """The numbers that the page's scripts need too, under their names there."""
    return {
        "maxLatents": MAX_LATENTS,
        "maxLatent": MAX_LATENT,
        "maxScale": MAX_SCALE,
        "barLimit": BAR_LIMIT,
        "maxDeviations": MAX_DEVIATIONS,
        "stripCount": STRIP_COUNT,
        "localReach": LOCAL_REACH,
        "cornerSide": CORNER_SIDE,
        "maxStrength": MAX_STRENGTH,
        "maxCount": MAX_COUNT,
        "maxLinkedText": MAX_LINKED_TEXT,
        "exportSide": EXPORT_SIDE,
        "exportStrip": EXPORT_STRIP,
        "frameMilliseconds": FRAME_MILLISECONDS,
        "maxCoordinate": MAX_COORDINATE,
        "pathCorners": PATH_CORNERS,
        "pathCount": PATH_COUNT,
        "neighbours": NEIGHBOURS,
        "near": NEAR,
        "between": BETWEEN,
        "shepardNeighbours": SHEPARD_NEIGHBOURS,
        "thumbnail": THUMBNAIL,
        "maxThumbnails": MAX_THUMBNAILS,
    }


def check_range(name: str, value: Any, low: float, high: float) -> float:
    """The value as a float.

    Raises:
        RequestError: it is not a number from `low` to `high`.
    """
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not low <= number <= high:
        raise RequestError(f"{name} is {shown(value)}; it must be a number from {_plain(low)} to {_plain(high)}.")
    return number


def check_whole(name: str, value: Any, low: int, high: int) -> int:
    """The value as an int.

    Raises:
        RequestError: it is not a whole number from `low` to `high`.
    """
    number = check_range(name, value, low, high)
    if not number.is_integer():
        raise RequestError(f"{name} is {shown(value)}; it must be a whole number from {low} to {high}.")
    return int(number)


def check_coordinates(x: Any, y: Any) -> tuple[float, float]:
    """A place of a map.

    Raises:
        RequestError: a coordinate is not a number from -1e6 to 1e6.
    """
    limit = MAX_COORDINATE
    return check_range("x", x, -limit, limit), check_range("y", y, -limit, limit)


def check_seed(seed: Any) -> int:
    """A seed of JAX's random numbers.

    Raises:
        RequestError: it is not a whole number from 0 to 2^32 - 1.
    """
    return check_whole("seed", seed, 0, MAX_SEED)


def check_choice(name: str, value: Any, accepted: Sequence[Choice]) -> Choice:
    """The value, one of those accepted.

    Raises:
        RequestError: it is another.
    """
    for choice in accepted:
        if isinstance(value, str) and value == choice:
            return choice
    choices = ", ".join(f'"{choice}"' for choice in accepted)
    raise RequestError(f"{name} is {shown(value)}; accepted: {choices}.")


def shown(value: Any) -> str:
    """A refused value as a message repeats it, cut to a readable length."""
    try:
        text = str(value).encode(errors="replace").decode()  # halves of characters cannot be sent
    except ValueError:  # Python writes out no integer of more than 4,300 digits
        return "a very long number"
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def _plain(number: float) -> str:
    return str(int(number)) if number == int(number) else str(number)
