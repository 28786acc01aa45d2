// Names that extensions of A1111-style WebUIs rely on: element access and the page's life-cycle callbacks.

function gradioApp() {
    const app = document.querySelector("gradio-app");
    if (!app) return document;
    if (app.shadowRoot) return app.shadowRoot;
    app.getElementById = (id) => document.getElementById(id);
    return app;
}

/** The selected button of the main tabs, e.g. the one that says "txt2img". */
function get_uiCurrentTab() {
    return gradioApp().querySelector("#tabs > .tab-nav > button.selected");
}

/** The visible content of the main tabs. */
function get_uiCurrentTabContent() {
    return gradioApp().querySelector('#tabs > .tabitem[id^=tab_]:not([style*="display: none"])');
}

var uiUpdateCallbacks = [];
var uiAfterUpdateCallbacks = [];
var uiLoadedCallbacks = [];
var uiTabChangeCallbacks = [];
var optionsChangedCallbacks = [];
var optionsAvailableCallbacks = [];
var uiAfterUpdateTimeout = null;
var uiCurrentTab = null;
var executedOnLoaded = false;

/** `callback(mutations)` runs at every change of the page's elements. */
function onUiUpdate(callback) {
    uiUpdateCallbacks.push(callback);
}

/** `callback()` runs once the page has been quiet for a fifth of a second after a change. */
function onAfterUiUpdate(callback) {
    uiAfterUpdateCallbacks.push(callback);
}

/** `callback()` runs once, when the page has been built. */
function onUiLoaded(callback) {
    uiLoadedCallbacks.push(callback);
}

/** `callback()` runs when another main tab is shown. */
function onUiTabChange(callback) {
    uiTabChangeCallbacks.push(callback);
}

/** `callback()` runs when the global `opts` has been read or has changed. */
function onOptionsChanged(callback) {
    optionsChangedCallbacks.push(callback);
}

/** `callback()` runs once, when `opts` is there; at once if it is there already. */
function onOptionsAvailable(callback) {
    if (Object.keys(opts).length) callback();
    else optionsAvailableCallbacks.push(callback);
}

/** One failing callback must not keep the others from running. */
function executeCallbacks(queue, argument) {
    queue.forEach((callback) => {
        try {
            callback(argument);
        } catch (error) {
            console.error("error running callback", callback, ":", error);
        }
    });
}

function scheduleAfterUiUpdateCallbacks() {
    clearTimeout(uiAfterUpdateTimeout);
    uiAfterUpdateTimeout = setTimeout(() => executeCallbacks(uiAfterUpdateCallbacks), 200);
}

function pageChanged(mutations) {
    if (!executedOnLoaded && gradioApp().querySelector("#txt2img_prompt")) {
        executedOnLoaded = true;
        executeCallbacks(uiLoadedCallbacks);
    }
    executeCallbacks(uiUpdateCallbacks, mutations);
    scheduleAfterUiUpdateCallbacks();
    const tab = get_uiCurrentTab();
    if (tab && tab !== uiCurrentTab) {
        uiCurrentTab = tab;
        executeCallbacks(uiTabChangeCallbacks);
    }
}

document.addEventListener("DOMContentLoaded", () => {
    new MutationObserver(pageChanged).observe(gradioApp(), {childList: true, subtree: true});
});

/** Click Generate as soon as the running generation has ended. */
function generateWhenIdle(generate, interrupt) {
    const watch = new MutationObserver(() => {
        if (interrupt.style.display !== "none") return;
        watch.disconnect();
        generate.click();
    });
    watch.observe(interrupt, {attributes: true, attributeFilter: ["style"]});
}

// Ctrl+Enter generates (and restarts a running generation), Alt+Enter skips, Esc interrupts.
document.addEventListener("keydown", (event) => {
    const tab = get_uiCurrentTabContent();
    const button = (name) => tab && tab.querySelector(`button[id$=_${name}]`);
    const generate = button("generate"), interrupt = button("interrupt"), skip = button("skip");
    if (!generate || !interrupt || !skip) return;
    const running = interrupt.style.display === "block";
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
        if (running) {
            generateWhenIdle(generate, interrupt);
            interrupt.click();
        } else {
            generate.click();
        }
    } else if (event.key === "Enter" && event.altKey) {
        skip.click();
    } else if (event.key === "Escape" && running) {
        interrupt.click();
    } else {
        return;
    }
    event.preventDefault();
});

function uiElementIsVisible(element) {
    for (let e = element; e && e !== document; e = e.parentNode) {
        if (e instanceof Element && getComputedStyle(e).display === "none") return false;
    }
    return true;
}

function uiElementInSight(element) {
    const box = element.getBoundingClientRect();
    return box.bottom > 0 && box.top < window.innerHeight;
}
