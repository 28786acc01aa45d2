// The small counters at the prompts' upper right corners, brought up to date 0.8 s after the last key.

let promptTokenCountUpdateFunctions = {};

function update_token_counter(buttonId) {
    promptTokenCountUpdateFunctions[buttonId]?.();
}

function updateTokensOf(tab, args) {
    update_token_counter(`${tab}_token_button`);
    update_token_counter(`${tab}_negative_token_button`);
    return args.length === 2 ? args[0] : args;
}

function update_txt2img_tokens(...args) {
    return updateTokensOf("txt2img", args);
}

function update_img2img_tokens(...args) {
    return updateTokensOf("img2img", args);
}

function recalculate_prompts_txt2img(...args) {
    updateTokensOf("txt2img", args);
    return args;
}

function recalculate_prompts_img2img(...args) {
    updateTokensOf("img2img", args);
    return args;
}

function forEachTokenCounter(action) {
    ["txt2img", "img2img"].forEach((tab) => {
        action(`${tab}_prompt`, `${tab}_token_counter`, `${tab}_token_button`);
        action(`${tab}_neg_prompt`, `${tab}_negative_token_counter`, `${tab}_negative_token_button`);
    });
}

function setupTokenCounting(promptId, counterId, buttonId) {
    const prompt = gradioApp().getElementById(promptId), counter = gradioApp().getElementById(counterId);
    const textarea = prompt?.querySelector("label > textarea");
    if (!textarea || !counter || counter.parentElement === prompt.parentElement) return;
    prompt.parentElement.insertBefore(counter, prompt);
    prompt.parentElement.style.position = "relative";
    const update = onEdit(promptId, textarea, 800, () => {
        if (counter.classList.contains("token-counter-visible")) gradioApp().getElementById(buttonId)?.click();
    });
    promptTokenCountUpdateFunctions[promptId] = update;
    promptTokenCountUpdateFunctions[buttonId] = update;
}

onUiLoaded(() => forEachTokenCounter(setupTokenCounting));

onOptionsChanged(() => forEachTokenCounter((promptId, counterId) => {
    const counter = gradioApp().getElementById(counterId);
    if (!counter) return;
    counter.style.display = opts.disable_token_counters ? "none" : "block";
    counter.classList.toggle("token-counter-visible", !opts.disable_token_counters);
}));
