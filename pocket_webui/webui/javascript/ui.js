// What the page's Python code and extensions call by name.

var opts = {};
var localization = window.localization || {};
var onEditTimers = {};
var desiredCheckpointName = null;

window.args_to_array = Array.from;

/** Tell gradio that a script has changed the value of an input. */
function updateInput(target) {
    const event = new Event("input", {bubbles: true});
    Object.defineProperty(event, "target", {value: target});
    target.dispatchEvent(event);
}

/** Call `func` when `elem` has not been typed into for `afterMs` milliseconds; `editId` keeps timers apart. */
function onEdit(editId, elem, afterMs, func) {
    const edited = () => {
        clearTimeout(onEditTimers[editId]);
        onEditTimers[editId] = setTimeout(func, afterMs);
    };
    elem.addEventListener("input", edited);
    return edited;
}

function set_theme(theme) {
    const url = new URL(window.location.href);
    if (url.searchParams.has("__theme")) return;
    url.searchParams.set("__theme", theme);
    window.location.replace(url);
}

// Galleries

function all_gallery_buttons() {
    const selector = "div[id$=_gallery].gradio-gallery .thumbnails > .thumbnail-item.thumbnail-small";
    return Array.from(gradioApp().querySelectorAll(selector)).filter((e) => e.parentElement.offsetParent);
}

function selected_gallery_button() {
    return all_gallery_buttons().find((e) => e.classList.contains("selected")) ?? null;
}

function selected_gallery_index() {
    return all_gallery_buttons().findIndex((e) => e.classList.contains("selected"));
}

function extract_image_from_gallery(gallery) {
    if (!gallery || gallery.length === 0) return [null];
    const selected = selected_gallery_index();
    return [gallery[selected >= 0 && selected < gallery.length ? selected : 0]];
}

// Tabs

function switchToTab(name) {
    const buttons = gradioApp().querySelectorAll("#tabs > .tab-nav > button");
    Array.from(buttons).find((b) => b.textContent.trim() === name)?.click();
}

function switch_to_txt2img() {
    switchToTab("txt2img");
    return Array.from(arguments);
}

function switch_to_img2img_tab(number) {
    switchToTab("img2img");
    gradioApp().getElementById("mode_img2img").querySelectorAll("button")[number].click();
}

function switch_to_img2img() {
    switch_to_img2img_tab(0);
    return Array.from(arguments);
}

function switch_to_sketch() {
    switch_to_img2img_tab(1);
    return Array.from(arguments);
}

function switch_to_inpaint() {
    switch_to_img2img_tab(2);
    return Array.from(arguments);
}

function switch_to_inpaint_sketch() {
    switch_to_img2img_tab(3);
    return Array.from(arguments);
}

function get_tab_index(tabId) {
    const buttons = gradioApp().getElementById(tabId).querySelector("div").querySelectorAll("button");
    return Math.max(0, Array.from(buttons).findIndex((b) => b.classList.contains("selected")));
}

// Generating

/** The inputs of a generation; the old gallery, which gradio sends along, would only be uploaded for nothing. */
function create_submit_args(args) {
    const result = Array.from(args);
    if (Array.isArray(result[result.length - 4])) result[result.length - 4] = null;
    if (Array.isArray(result[result.length - 3])) result[result.length - 3] = null;
    return result;
}

function setSubmitButtonsVisibility(tab, interrupt, skip, interrupting) {
    const show = (name, visible) => {
        gradioApp().getElementById(`${tab}_${name}`).style.display = visible ? "block" : "none";
    };
    show("interrupt", interrupt);
    show("skip", skip);
    show("interrupting", interrupting);
}

function showSubmitButtons(tab, show) {
    setSubmitButtonsVisibility(tab, !show, !show, false);
}

function showSubmitInterruptingPlaceholder(tab) {
    setSubmitButtonsVisibility(tab, false, true, true);
}

function showRestoreProgressButton(tab, show) {
    gradioApp().getElementById(`${tab}_restore_progress`)?.style.setProperty("display", show ? "flex" : "none", "important");
}

/** Follow a running task of the tab: progress bar, live preview, buttons. */
function followTask(tab, id, patience) {
    const app = gradioApp();
    requestProgress(id, app.getElementById(`${tab}_gallery_container`), app.getElementById(`${tab}_gallery`), () => {
        showSubmitButtons(tab, true);
        localRemove(`${tab}_task_id`);
        showRestoreProgressButton(tab, false);
    }, null, patience);
}

function submitTab(tab, args) {
    const id = randomId();
    showSubmitButtons(tab, false);
    localSet(`${tab}_task_id`, id);
    followTask(tab, id);
    const result = create_submit_args(args);
    result[0] = id;
    return result;
}

function submit() {
    return submitTab("txt2img", arguments);
}

function submit_img2img() {
    const result = submitTab("img2img", arguments);
    result[1] = get_tab_index("mode_img2img");
    return result;
}

function submit_txt2img_upscale() {
    const result = submit(...arguments);
    result[2] = selected_gallery_index();
    return result;
}

function restoreProgress(tab) {
    showRestoreProgressButton(tab, false);
    const id = localGet(`${tab}_task_id`);
    if (id) {
        showSubmitInterruptingPlaceholder(tab);
        followTask(tab, id, 0);
    }
    return id;
}

function restoreProgressTxt2img() {
    return restoreProgress("txt2img");
}

function restoreProgressImg2img() {
    return restoreProgress("img2img");
}

// Small helpers of the two generation tabs

function confirm_clear_prompt(prompt, negativePrompt) {
    return confirm("Delete prompt?") ? ["", ""] : [prompt, negativePrompt];
}

function setRandomSeed(id) {
    const input = gradioApp().querySelector(`#${id} input`);
    if (input) {
        input.value = "-1";
        updateInput(input);
    }
    return [];
}

function sizeInputs(tab) {
    return ["width", "height"].map((side) => gradioApp().querySelector(`#${tab}_${side} input[type=number]`));
}

function setSize(tab, width, height) {
    const [w, h] = sizeInputs(tab);
    if (!w || !h) return;
    w.value = width;
    h.value = height;
    updateInput(w);
    updateInput(h);
}

function switchWidthHeight(tab) {
    const [w, h] = sizeInputs(tab);
    if (w && h) setSize(tab, h.value, w.value);
    return [];
}

/** A pasted "640x512" fills both fields. */
function setupResolutionPasting(tab) {
    sizeInputs(tab).forEach((input) => input?.addEventListener("paste", (event) => {
        const size = event.clipboardData.getData("text/plain").match(/^\s*(\d+)\D+(\d+)\s*$/);
        if (!size) return;
        setSize(tab, size[1], size[2]);
        event.preventDefault();
    }));
}

function currentImg2imgSourceResolution(_width, _height, scale) {
    const image = gradioApp().querySelector('#mode_img2img > div[style="display: block;"] img');
    return image ? [image.naturalWidth, image.naturalHeight, scale] : [0, 0, scale];
}

function updateImg2imgResizeToTextAfterChangingImage() {
    // gradio calls this before it has swapped the image.
    setTimeout(() => gradioApp().getElementById("img2img_update_resize_to")?.click(), 500);
    return [];
}

function onCalcResolutionHires(enable, width, height, scale, resizeX, resizeY) {
    const dim = (id, inactive) => gradioApp().getElementById(id)?.classList.toggle("inactive", inactive);
    dim("txt2img_hr_scale", resizeX > 0 || resizeY > 0);
    dim("txt2img_hr_resize_x", !(resizeX > 0 || resizeY > 0));
    dim("txt2img_hr_resize_y", !(resizeX > 0 || resizeY > 0));
    return [enable, width, height, scale, resizeX, resizeY];
}

function selectCheckpoint(name) {
    desiredCheckpointName = name;
    gradioApp().getElementById("change_checkpoint").click();
}

onUiLoaded(() => ["txt2img", "img2img"].forEach((tab) => {
    showRestoreProgressButton(tab, Boolean(localGet(`${tab}_task_id`)));
    setupResolutionPasting(tab);
}));
