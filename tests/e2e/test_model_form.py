"""What engines with a model need of the form: prompts, checkpoints, LoRAs, several pictures, seeds to choose from."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import PATIENCE_MS
from tests.e2e.test_form import field, opened, sent
from tests.e2e.test_page import PHONE, WIDER
from tests.e2e.test_studio import upload
from tests.hub import serving
from tests.pictures import coded, sunset
from tests.studios import App, app
from tests.tiny_model import tiny_hub
from utils.digest import digest_bytes

pytestmark = pytest.mark.slow

PICTURES = [coded(sunset(), "PNG"), coded(255 - sunset(), "PNG"), coded(sunset()[::-1], "PNG")]
DIGESTS = list(map(digest_bytes, PICTURES))


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """An app with two LoRAs, that asks a hub of the tests."""
    folder = tmp_path_factory.mktemp("models")
    with serving(tiny_hub(folder / "home")) as hub:
        loras = folder / "home" / "models" / "loras"
        loras.mkdir()
        for name in ("rain", "old film"):
            (loras / f"{name}.safetensors").touch()
        with app(folder / "home", HF_ENDPOINT=hub.url, HF_HOME=str(folder / "hf")) as studio:
            yield studio


@pytest.fixture
def prompt(page: Page) -> Locator:
    """The field of the prompt, with the engine that reads it."""
    page.get_by_label("Wan VACE", exact=False).check()
    return page.get_by_label("Prompt", exact=True)


def test_a_prompt_is_begun_from_a_template_counted_and_remembered(page: Page, clip: Path, prompt: Locator) -> None:
    times = upload(page, clip).locator(".estimates")
    expect(times).to_contain_text("(rough)")
    prompt.fill("my own words")
    page.get_by_role("button", name="Ideas").click()
    page.get_by_role("button", name="Raincoat").click()
    expect(prompt).to_have_value(re.compile(r"in a red raincoat"))
    page.keyboard.type("yellow")
    expect(prompt).to_have_value(re.compile(r"^A person in a yellow raincoat and .*[^\]]$"))
    for _ in range(1 + len("yellow")):
        page.keyboard.press("Control+z")
    expect(prompt).to_have_value("my own words")

    count = field(page, "generate.prompt").locator(".count")
    expect(count).to_have_text("12 of 2,000 characters")
    prompt.fill("x" * 2034)
    expect(count).to_have_text("2,034 characters; 2,000 are the most. Shorten it by 34.")
    page.get_by_role("button", name="Restyle", exact=True).click()
    wrong = field(page, "generate.prompt").locator(".wrong")
    expect(wrong).to_have_text("“Prompt” has 2,034 characters; 2,000 are the most. Shorten it by 34.")
    assert len(prompt.input_value()) == 2034, "nothing is lost"

    prompt.fill("a clay figure in snow")
    page.get_by_role("button", name="Restyle", exact=True).click()
    expect(page.locator("#reshoot-told")).to_contain_text("in line")
    page.get_by_role("tab", name="Create").click()
    prompt.fill("")
    page.get_by_role("button", name="Last prompts (1)").click()
    page.get_by_role("button", name="a clay figure in snow", exact=True).click()
    expect(prompt).to_have_value("a clay figure in snow")
    page.get_by_role("button", name="Last prompts (1)").click()
    page.get_by_role("button", name="Forget the prompt: a clay figure in snow").click()
    expect(page.get_by_role("button", name="Last prompts")).to_have_count(0)


@pytest.mark.usefixtures("prompt")
def test_pictures_loras_and_a_rolled_seed_are_part_of_the_job(page: Page, clip: Path, tmp_path: Path) -> None:
    upload(page, clip)
    files = [tmp_path / f"{number}.png" for number in range(3)]
    for file, content in zip(files, PICTURES, strict=True):
        file.write_bytes(content)
    control = page.locator("reshoot-reference")
    control.locator("input").set_input_files(files)
    expect(control.get_by_role("img")).to_have_count(3)
    control.get_by_role("button", name="Move 2.png before the one above").click()
    control.get_by_role("button", name="Remove picture 1").click()
    expect(control.get_by_role("img")).to_have_count(2)

    opened(page, "What is made")
    for name in ("rain", "old film"):
        page.get_by_label("Add a LoRA").select_option(name)
    page.get_by_label("Weight of old film", exact=True).fill("0.6")
    page.get_by_role("button", name="Roll").click()
    seed = page.get_by_label("Seed", exact=True)
    expect(seed).not_to_have_value("0")
    said = sent(page)["settings"]
    assert said.pop("generate.engine") == "vace" and said.pop("generate.seed") == int(seed.input_value())
    kept = {"generate.reference": DIGESTS[2], "generate.reference_2": DIGESTS[1]}
    assert said == {**kept, "generate.loras": "rain, old film:0.6"}

    page.reload()
    expect(control.get_by_role("img")).to_have_count(2)
    opened(page, "What is made")
    page.get_by_role("button", name="Remove rain").click()
    page.get_by_label("Restyle (CPU, no model)", exact=True).check()
    expect(control).to_contain_text("Not used: this engine takes 1.")
    expect(field(page, "generate.loras")).to_be_hidden()


def test_an_engine_offers_what_it_can_be_led_by(page: Page, clip: Path) -> None:
    upload(page, clip)
    page.get_by_label("ControlNet", exact=False).check()
    opened(page, "What is made")
    lead = page.get_by_label("Led by", exact=True)
    lead.select_option("Soft edges")
    assert sent(page)["settings"]["generate.control"] == "soft_edges"
    page.get_by_label("Wan VACE", exact=False).check()
    expect(lead.locator("option:checked")).to_have_text("Pose")
    expect(lead.locator("option:not([hidden])")).to_have_text(["Pose", "Edges", "Depth", "None"])


@pytest.mark.usefixtures("prompt")
def test_a_guide_is_a_clip_beside_the_clip_and_can_be_taken_away(page: Page, clip: Path, tmp_path: Path) -> None:
    upload(page, clip)
    control, broken = page.locator("reshoot-guide"), tmp_path / "broken.mp4"
    broken.write_text("no clip")
    control.locator("input").set_input_files(broken)
    expect(control.get_by_role("alert")).to_be_visible()
    control.locator("input").set_input_files(clip)
    expect(control).to_contain_text("60 frames, 320 × 180")
    expect(page.locator("reshoot-clips .clip")).to_have_count(1)
    digest = digest_bytes(clip.read_bytes())
    assert sent(page)["settings"]["generate.guide"] == digest
    page.reload()
    expect(control).to_contain_text("60 frames, 320 × 180")
    page.get_by_label("Restyle (CPU, no model)", exact=True).check()
    expect(control).to_be_hidden()
    page.get_by_label("ControlNet", exact=False).check()
    control.get_by_role("button", name="Remove the guide").click()
    expect(control.get_by_role("button", name="Choose a guide", exact=True)).to_be_focused()
    assert "generate.guide" not in sent(page)["settings"]


def test_one_of_four_seeds_is_chosen(page: Page, clip: Path) -> None:
    upload(page, clip)
    page.get_by_role("button", name="Compare four seeds").click()
    seeds = page.get_by_role("list", name="This frame from four seeds")
    expect(seeds.get_by_role("listitem")).to_have_count(1 + 4, timeout=2 * PATIENCE_MS)
    expect(seeds.get_by_role("button", pressed=True)).to_have_text("Seed 0")
    third = seeds.get_by_role("button").nth(2)
    third.click()
    expect(third).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_label("Seed", exact=True)).to_have_value(third.inner_text().removeprefix("Seed "))
    found = Axe().run(page, "reshoot-look").response["violations"]
    assert not found, [(each["id"], each["nodes"][0]["html"]) for each in found]


@pytest.mark.usefixtures("prompt")
def test_a_checkpoint_is_fetched_where_it_is_chosen(page: Page, clip: Path) -> None:
    upload(page, clip)
    tiny = page.locator("reshoot-model-choice .model[data-key=model-tiny]")
    expect(tiny).to_contain_text("Apache-2.0")
    expect(tiny).to_contain_text("not here")
    tiny.get_by_role("button", name="Fetch").click()
    dialog = page.get_by_role("dialog", name="Fetch this model?")
    expect(dialog).to_contain_text("17.8 MB in 5 files")
    dialog.get_by_role("button", name="Fetch 18 MB").click()
    expect(tiny).to_contain_text("tiny is here")
    tiny.get_by_label("tiny").check()
    assert sent(page)["settings"] == {"generate.engine": "vace", "generate.model": "tiny"}


def test_the_form_says_what_preset_and_effort_mean_for_the_engine(page: Page, clip: Path) -> None:
    page.get_by_label("ControlNet", exact=False).check()
    means, models = field(page, "generate.effort").locator(".note"), field(page, "generate.model")
    expect(means).to_have_text("This means sd-1.5-lcm in 4 steps, without guidance.")
    expect(models.get_by_label("sdxl-lcm", exact=True)).to_be_visible()
    expect(models.get_by_label("sd-1.5-pose", exact=True)).to_have_count(0)
    models.get_by_label("sd-1.5", exact=True).check()
    page.get_by_label("Fast", exact=True).check()
    expect(means).to_have_text("This means sd-1.5 in 10 steps, with a guidance of 6.")
    opened(page, "What is made")
    expect(field(page, "generate.steps").locator(".note")).to_have_text("0 means 10 with sd-1.5.")
    page.get_by_label("Quality", exact=True).check()
    expect(field(page, "generate.steps").locator(".note")).to_have_text("0 means 20 with sd-1.5.")
    page.get_by_label("Steps", exact=True).fill("12")
    page.get_by_label("Guidance", exact=True).fill("1")
    expect(means).to_have_text("This means sd-1.5 in 12 steps, without guidance.")
    expect(field(page, "generate.steps").locator(".note")).to_have_text("")

    page.get_by_label("Wan VACE", exact=False).check()
    models.get_by_label("wan-vace-14b", exact=True).check()
    expect(means).to_have_text("This means wan-vace-14b in 12 steps, without guidance.")
    page.get_by_label("Steps", exact=True).fill("0")
    times = upload(page, clip).locator(".estimates dd").nth(2)  # with the preset Quality
    expect(times).to_contain_text("(rough)")
    slow = times.inner_text()
    page.get_by_label("Low", exact=True).check()
    expect(times).not_to_have_text(slow)
    page.get_by_label("Restyle (CPU, no model)", exact=True).check()
    expect(field(page, "generate.effort")).to_be_hidden()


@pytest.mark.usefixtures("prompt")
@pytest.mark.parametrize("page", [PHONE, {"color_scheme": "dark"}], indirect=True)
def test_it_fits_a_phone_and_everybody_can_use_it(page: Page, tmp_path: Path) -> None:
    (tmp_path / "sunset.png").write_bytes(PICTURES[0])
    page.locator("reshoot-reference input").set_input_files(tmp_path / "sunset.png")
    page.get_by_role("button", name="Ideas").click()
    opened(page, "What is made")
    page.get_by_label("Add a LoRA").select_option("rain")
    expect(page.locator("reshoot-model-choice .model").nth(1)).to_be_visible()
    if page.viewport_size and page.viewport_size["width"] == 390:
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert page.evaluate(WIDER, "reshoot-form") == []
    found = Axe().run(page, "reshoot-form").response["violations"]
    assert not found, [(each["id"], each["nodes"][0]["html"]) for each in found]
