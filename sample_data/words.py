"""The words of the sample shop: departments, brands, model names, and the sentences of each topic.

The order of every tuple matters: `make_shop.py` draws from them with a seed.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Category:
    """A shelf: the nouns of its products, their median price, and the shape of their pictures."""

    name: str
    nouns: tuple[str, ...]
    price: float
    shape: str


@dataclass(frozen=True)
class Department:
    """Three shelves in the order of a visit: a main product, an addition to it, its storage."""

    name: str
    brands: tuple[str, str, str]
    shelves: tuple[Category, Category, Category]


DEPARTMENTS = (
    Department(
        "Camping",
        ("Nordfell", "Tarnway", "Pinewick"),
        (
            Category(
                "Tents",
                ("2-person tent", "3-season tent", "family tent", "tunnel tent"),
                180,
                "triangle",
            ),
            Category(
                "Sleeping bags",
                ("sleeping bag", "down quilt", "summer sleeping bag"),
                95,
                "capsule",
            ),
            Category(
                "Camp kitchen",
                ("gas stove", "cooking pot set", "folding kettle", "camp cutlery"),
                38,
                "pot",
            ),
        ),
    ),
    Department(
        "Cycling",
        ("Velora", "Kestrel & Co", "Rundby"),
        (
            Category(
                "Bicycles", ("city bicycle", "gravel bicycle", "folding bicycle"), 620, "wheels"
            ),
            Category("Helmets", ("helmet", "urban helmet", "trail helmet"), 70, "dome"),
            Category("Panniers", ("pannier bag", "handlebar bag", "saddle bag"), 55, "satchel"),
        ),
    ),
    Department(
        "Kitchen",
        ("Maison Orle", "Haverly", "Copperdeck"),
        (
            Category(
                "Coffee makers",
                ("espresso maker", "pour-over set", "moka pot", "coffee press"),
                75,
                "jug",
            ),
            Category("Mugs", ("mug", "pair of cups", "travel mug"), 16, "mug"),
            Category("Tea towels", ("tea towel", "set of tea towels", "oven cloth"), 12, "cloth"),
        ),
    ),
    Department(
        "Desk",
        ("Papier Nord", "Linden Works", "Ostra"),
        (
            Category("Lamps", ("desk lamp", "clamp lamp", "reading lamp"), 64, "lamp"),
            Category("Notebooks", ("notebook", "dotted journal", "weekly planner"), 14, "book"),
            Category("Pens", ("fountain pen", "pencil set", "fineliner set"), 19, "stick"),
        ),
    ),
    Department(
        "Music",
        ("Aurelis", "Bandwick", "Tonhall"),
        (
            Category(
                "Guitars", ("acoustic guitar", "travel guitar", "electric guitar"), 290, "guitar"
            ),
            Category("Headphones", ("headphones", "studio headphones", "earbuds"), 110, "arch"),
            Category("Straps and cases", ("guitar strap", "gig bag", "headphone case"), 34, "loop"),
        ),
    ),
    Department(
        "Outfit",
        ("Selby Row", "Marlowe", "Fjordline"),
        (
            Category("Jackets", ("rain jacket", "quilted jacket", "windbreaker"), 120, "jacket"),
            Category("Sneakers", ("sneakers", "canvas shoes", "trail shoes"), 85, "shoe"),
            Category("Caps and scarves", ("cap", "scarf", "knitted hat"), 28, "cap"),
        ),
    ),
)

MODELS = (
    "Aster",
    "Birk",
    "Cairn",
    "Drift",
    "Elva",
    "Fern",
    "Gale",
    "Holt",
    "Iris",
    "Juno",
    "Kite",
    "Lark",
    "Mica",
    "Nova",
    "Orla",
    "Pike",
    "Quill",
    "Reed",
    "Sora",
    "Tide",
    "Umbra",
    "Vega",
    "Wren",
    "Yarrow",
    "Zephyr",
    "Alder",
    "Brook",
    "Clove",
    "Dune",
    "Ember",
    "Flint",
    "Grove",
    "Heath",
    "Islay",
)

TOPICS = (
    (
        "recycled",
        (
            "Made from recycled bottles and offcuts",
            "Climate-neutral from seed to shelf",
            "Every part can be repaired or composted",
            "Free of plastic, down to the wrapping",
            "Organic fibres from small growers",
            "The maker takes it back and uses it again",
        ),
    ),
    (
        "handmade",
        (
            "Finished by hand in a family workshop",
            "No two pieces are quite alike",
            "Signed by the craftswoman who made it",
            "Stitched and polished slowly, one at a time",
            "Made to order in batches of twenty",
            "You can see the tool marks, and should",
        ),
    ),
    (
        "tested",
        (
            "Lab-tested to twice the norm",
            "Engineered with aerospace alloys",
            "Rated for ten thousand cycles",
            "Sensors and simulation shaped every curve",
            "Measured performance, printed on the label",
            "Precision parts with tight tolerances",
        ),
    ),
    (
        "light",
        (
            "Weighs next to nothing and folds flat",
            "Fits in a coat pocket or hand luggage",
            "Packs down in seconds for the train",
            "Made for nomads who count grams",
            "Goes around the world without a checked bag",
            "Small on the road, full size on arrival",
        ),
    ),
    (
        "heritage",
        (
            "After a pattern from 1931",
            "The classic from grandmother's attic, back again",
            "Vintage lines, brass details",
            "Ages into a patina of its own",
            "From the archive of the old factory",
            "Nostalgic, in the best way",
        ),
    ),
)

OPENINGS = (
    "A {noun} for every day.",
    "This {noun} does what it should.",
    "Our {noun} from the {model} series.",
    "The {model} {noun} by {brand}.",
    "A {noun} that is easy to like.",
    "Simple to use: the {model} {noun}.",
)

CLOSINGS = (
    "Two years of warranty.",
    "Ships within three days.",
    "Care instructions are enclosed.",
    "A good present, too.",
    "One size.",
    "Designed by {brand}.",
)

OCCUPATIONS = (
    "student",
    "teacher",
    "engineer",
    "nurse",
    "designer",
    "gardener",
    "consultant",
    "carpenter",
    "chemist",
    "retired",
)
OCCUPATION_TOPIC = (3, 0, 2, 1, 4, 0, 3, 1, 2, 4)
"""The topic that each occupation prefers."""
