"""The production that the long documents of ``corpus/`` tell of: twenty pictures of a drowned quarry."""

from dataclasses import dataclass

ATMOSPHERE = (
    "Late August in a drowned quarry, the last two hours before dusk. Warm air over cold water, so that a hand of haze "
    "stands on the surface and every far edge is softer than the near one. Light comes in flat from the left, the "
    "colour of weak tea, and leaves the eastern wall in blue shade. Midges in the beams; pollen on the water. Shot on "
    "35mm for places and 100mm macro for details, tripod low, polariser half turned. Greens are held back, skin and "
    "scale are not."
)
#: What producers add to every prompt; which of it a picture gets goes by its number, so that no two are alike.
BODY = (
    "The surface reads as wet stone first and as skin second: fine pores, a seam of algae along the flank, an old scar "
    "that has healed lighter than the rest.",
    "EYES are the anchor of the frame - large, set wide, the pupil a horizontal slit with a ring of copper around it.",
    "Weight sits on the hind legs; the front pair only touches. Nothing in the pose is about to tip over.",
    "Every edge that faces the light carries a thin warm rim, what faces the wall goes cool and loses detail.",
    "Depth of field is shallow but honest: the near reed is soft, the head is sharp, the wall behind is only colour.",
    "Water drops hang from the lower jaw (three, not more), each with the bright slot of sky upside down in it.",
    "Scale: about 60 cm from snout to the root of the tail; the fern beside it gives that away at once.",
    "DO NOT add spikes, glow or armour. What looks like a plate is a fold of skin, and folds where it should.",
    "The reflection is there and almost right, broken twice by rings from something that has just gone under.",
    "Behind it, out of focus: the rust-red ladder, the waterline from last winter, a birch that leans the wrong way.",
    "Mood: patient. This is an animal that has been here since noon and will be here when the light is gone.",
    "Colours stay within slate, tea, bottle green and one small orange; nothing in the picture is pure black.",
)
STYLE = "Photorealistic natural-history still, natural light only, fine grain, no retouching, depth of field as shot"
NO = "anime, cartoon, illustration, 3d render, text, watermark, extra limbs, motion blur"


@dataclass(frozen=True)
class Item:
    kind: str
    title: str
    filename: str
    lead: str
    core: bool = False

    @property
    def number(self) -> int:
        return ITEMS.index(self) + 1

    @property
    def like(self) -> str:
        """The core picture of the same character, if there is one and it is another."""
        first = self.title.split(" ")[0]
        return next(
            (item.filename for item in ITEMS if item.core and item.title.startswith(first) and item != self), ""
        )

    def paragraphs(self) -> list[str]:
        """Its prompt: a sentence of its own, what such prompts go on about, how it is shot."""
        chosen = [BODY[(self.number * 5 + step * 7) % len(BODY)] for step in range(11)]
        like = (
            f"REFERENCE: Use {self.like}.png as reference, keep EXACTLY its skin and proportions. " if self.like else ""
        )
        body = [" ".join(chosen[1:4]), " ".join(chosen[4:8]), " ".join(chosen[8:])]
        return [f"{like}{self.lead} {chosen[0]}", *body, f"{STYLE}."]

    @property
    def prompt(self) -> str:
        return "\n\n".join(self.paragraphs())


ITEMS = (
    Item(
        "character",
        "Quagsire (Waiting in the Shallows)",
        "quagsire_waiting_core",
        "Quagsire up to its chest in still water, arms at its sides, looking past the camera.",
        core=True,
    ),
    Item(
        "character",
        "Quagsire (Hauling Out)",
        "quagsire_hauling_out",
        "Quagsire heaves itself onto the slab, belly down, water running off both sides.",
    ),
    Item(
        "character",
        "Quagsire (Mouth Open - Close-up)",
        "quagsire_mouth",
        "Quagsire's open mouth from the front, wide, pale and toothless.",
    ),
    Item(
        "character",
        "Quagsire (Asleep Under the Ladder)",
        "quagsire_asleep",
        "Quagsire asleep where the ladder meets the water, one arm through a rung.",
    ),
    Item(
        "character",
        "Poliwag (Swarm at the Edge)",
        "poliwag_swarm_core",
        "Some thirty Poliwag face the bank in a loose half circle, spirals turning the same way.",
        core=True,
    ),
    Item(
        "character",
        "Poliwag (Scattering)",
        "poliwag_scattering",
        "Poliwag leave in every direction at once, each with a short wake.",
    ),
    Item(
        "character",
        "Fearow (Overhead Pass)",
        "fearow_overhead",
        "Fearow crosses the quarry at the height of the rim, seen from straight below.",
    ),
    Item(
        "environment",
        "Quarry Pool (Clean Plate)",
        "env_quarry_pool",
        "The whole pool from the southern rim, nobody in it or near it.",
    ),
    Item(
        "environment",
        "North Wall with Ladder",
        "env_north_wall",
        "The north wall straight on, forty courses of cut stone and one ladder.",
    ),
    Item(
        "environment",
        "Flooded Cutting",
        "env_flooded_cutting",
        "A cutting as wide as a cart runs back into the rock, water from wall to wall.",
    ),
    Item(
        "environment",
        "Birch Rim (Evening)",
        "env_birch_rim",
        "Birches along the rim against the last light, from below.",
    ),
    Item(
        "environment",
        "Crane Foundation",
        "env_crane_foundation",
        "A concrete block with four bolts, half under water, the crane long gone.",
    ),
    Item(
        "environment",
        "Under Water, Looking Up",
        "env_under_water",
        "From two metres down, the bright disc of the surface with the rim around it.",
    ),
    Item(
        "environment",
        "Spoil Heap Path",
        "env_spoil_heap",
        "A path of broken stone climbs the spoil heap, willowherb on both sides.",
    ),
    Item(
        "environment",
        "Quarry at First Star",
        "env_first_star",
        "The quarry a minute after the light is gone, one star in the water.",
    ),
    Item("prop", "Ladder Rung with Rust", "prop_ladder_rung", "One rung of the ladder, rust in leaves like pastry."),
    Item(
        "prop",
        "Drill Mark in Stone",
        "prop_drill_mark",
        "Half a drill hole in a split face, the grooves running away from the lens.",
    ),
    Item(
        "prop",
        "Raft of Pollen",
        "prop_pollen_raft",
        "Pollen drawn together into a raft the size of a plate, with a bent edge.",
    ),
    Item("prop", "Spawn on a Stem", "prop_spawn", "A sleeve of spawn around a reed stem, every egg with its comma."),
    Item("prop", "Shed Feather", "prop_feather", "A long brown feather lies on the water and bends it."),
)
