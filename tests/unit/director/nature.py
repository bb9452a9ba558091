"""What may not go together in a picture, from common knowledge; nothing here comes from the package.

``NEVER`` lists what a place cannot hold, ``CLASHES`` what cannot share one picture wherever it is, ``ANIMALS`` what an
empty plate must not show: whole words in lower case, to be looked for in a text without the hero's own name.
"""

import re
from collections.abc import Iterable

COLD = "snow snowy snowfall snowflake snowflakes ice icy icicle frost frosty frozen blizzard hail sleet glacier iceberg"
WOODS = (
    "oak oaks birch beech maple pine pines spruce fern ferns bracken moss mossy mushroom mushrooms woodland toadstool"
)
SEA = "coral corals seaweed kelp anemone anemones reef reefs seabed plankton starfish"
HOT = "cactus cacti palm palms dune dunes sand-dune oasis savanna acacia acacias jungle liana lianas mangrove mangroves"
FIRE = "lava magma crater sulphur volcano volcanic fumarole"
DAYLIGHT = "sun sunlight sunlit sunshine sunbeam sunbeams sunrise sunset daylight noon midday daybreak"
ABOVE = "sky skies cloud clouds rainbow rain raindrops lightning moon moonlight moonlit stars starlight horizon"
TOWN = "skyscraper skyscrapers asphalt brick street streets rooftop rooftops traffic pavement"
NIGHT = "night midnight moonlight moonlit moonless starlight starlit nocturnal"

NEVER = {
    "forest": f"{SEA} {FIRE} {TOWN} cactus cacti palm palms dune dunes iceberg glacier acacia savanna",
    "rainforest": f"{COLD} {SEA} {FIRE} {TOWN} oak oaks birch beech maple pine spruce cactus cacti dune dunes heather",
    "meadow": f"{SEA} {FIRE} {TOWN} cactus cacti palm palms dune dunes iceberg glacier jungle",
    "river": f"coral corals reef {FIRE} {TOWN} cactus cacti dune dunes iceberg acacia",
    "reef": f"{COLD} {WOODS} {HOT} {FIRE} {TOWN} tree trees meadow grass walking desert dust flower flowers rainbow",
    "ocean": f"{COLD} {WOODS} {HOT} {FIRE} {TOWN} tree trees meadow grass walking desert dust flower flowers fire",
    "deep sea": f"{COLD} {WOODS} {HOT} {TOWN} {DAYLIGHT} {ABOVE} tree trees meadow grass walking flower flowers waves "
    "coral dawn dusk morning evening twilight fire",
    "savanna": f"{COLD} {WOODS} {SEA} {FIRE} {TOWN} cactus iceberg tundra jungle",
    "desert": f"{COLD} {WOODS} {SEA} {FIRE} {TOWN} meadow jungle swamp mist misty fog foggy ocean lake",
    "polar": f"{WOODS} {SEA} {HOT} {FIRE} {TOWN} tree trees forest meadow flower flowers blossom blossoms jungle",
    "mountain": f"{SEA} {HOT} {FIRE} {TOWN} fish ocean swamp",
    "cave": f"{COLD} {WOODS} {SEA} {HOT} {FIRE} {TOWN} {DAYLIGHT} {ABOVE} tree trees meadow grass flower flowers wind "
    "dawn dusk morning evening twilight",
    "swamp": f"{SEA} {FIRE} {TOWN} iceberg glacier cactus cacti dune dunes desert",
    "volcanic": f"{COLD} {WOODS} {SEA} {HOT} {TOWN} meadow forest swamp blossom blossoms",
    "city": f"{SEA} {FIRE} {HOT} iceberg glacier tundra",
    "coast": f"coral {FIRE} {TOWN} cactus cacti jungle iceberg glacier oak acacia",
    "beneath the stars": f"{SEA} {FIRE} {TOWN} {DAYLIGHT} cactus palm jungle rainbow overcast",
}

DULL = "rain raining rainy storm stormy overcast blizzard thunderstorm thunder downpour"
CLEAR = "cloudless sunny sunshine sunlit sunbeam sunbeams sunlight"
SEASONS = {"spring", "summer", "autumn", "winter"}
CLASHES = [
    (NIGHT, f"{DAYLIGHT} morning afternoon noonday"),
    ("noon midday", "moon moonlight dawn dusk sunset sunrise starlight twilight morning evening"),
    ("dawn sunrise", "dusk sunset afternoon noon midday evening twilight"),
    ("sunset evening", "dawn morning noon midday sunrise"),
    ("twilight dusk", "morning noon midday afternoon sunrise dawn"),
    (DULL, f"{CLEAR} clear-sky shadows"),
    (DULL.replace("stormy", "stormy snowstorm"), "stars starry cloudless"),
    ("winter", "blossom blossoms wildflowers flowering harvest heatwave pollen"),
    ("summer", f"{COLD.replace('ice icy', '').replace('glacier iceberg', '').replace('frozen', '')} snowdrift"),
    ("autumn", "blossom blossoms wildflowers"),
    ("heat scorching heatwave drought", "snow frost frosty blizzard sleet mist fog rain rainy"),
    ("penguin penguins antarctic antarctica", "polar-bear tundra arctic reindeer walrus"),
    ("underwater submerged seabed", "walking strolling dust campfire"),
    *((season, " ".join(sorted(SEASONS - {season}))) for season in sorted(SEASONS)),
]

ANIMALS = (
    "animal animals creature creatures beast beasts pokemon pokémon wildlife herd herds flock flocks colony "
    "swarm shoal bird birds eagle eagles owl owls gull gulls penguin penguins heron crow raven falcon "
    "peregrine duck ducks goose geese swan fish fishes shark sharks salmon trout eel eels turtle turtles whale "
    "whales dolphin dolphins seal seals otter otters crab crabs lobster shrimp snail snails octopus squid "
    "jellyfish urchin starfish seahorse clownfish anglerfish insect insects bee bees butterfly butterflies "
    "moth moths beetle beetles ant ants termites cicada cicadas firefly fireflies spider spiders scorpion worm "
    "worms frog frogs toad newt lizard lizards gecko snake snakes crocodile alligator iguana deer fox foxes "
    "bear bears wolf wolves rabbit rabbits hare mouse mice rat rats squirrel badger boar moose hedgehog bat "
    "bats lion lions leopard leopards tiger elephant elephants giraffe zebra rhino hippo hyena antelope "
    "gazelle buffalo monkey apes camel camels goat goats ibex sheep cow cows horse horses dog dogs cat cats "
    "yak reindeer walrus cub cubs chick chicks pup pups mother father hunter predator prey she he her his"
)


def found(text: str, words: str | Iterable[str]) -> list[str]:
    """Returns which of the words stand in a text, as whole words."""
    names = words.split() if isinstance(words, str) else words
    return [
        name for name in names if re.search(rf"(?<![\w-]){re.escape(name.replace('-', ' '))}(?![\w])", text.lower())
    ]


def clashes(text: str) -> list[str]:
    """Returns what cannot share one picture."""
    return [
        f"{one} with {other}"
        for first, second in CLASHES
        for one in found(text, first)
        for other in found(text, second)
    ]
