// The global `opts`, the settings page's categories and search, and Reload UI.

/** Parse the hidden settings text and call `after` whenever gradio writes a new one. */
function watchSettingsText(textarea, after) {
    const property = Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, "value");
    Object.defineProperty(textarea, "value", {
        get: () => property.get.call(textarea),
        set(text) {
            const old = property.get.call(textarea);
            property.set.call(textarea, text);
            if (old !== text) opts = JSON.parse(text);
            after();
        },
    });
}

onAfterUiUpdate(() => {
    if (Object.keys(opts).length) return;
    const holder = gradioApp().getElementById("settings_json");
    const textarea = holder?.querySelector("textarea");
    if (!textarea || !textarea.value) return;
    opts = JSON.parse(textarea.value);
    watchSettingsText(textarea, () => executeCallbacks(optionsChangedCallbacks));
    holder.parentElement.style.display = "none";
    executeCallbacks(optionsAvailableCallbacks);
    executeCallbacks(optionsChangedCallbacks);
});

onOptionsChanged(() => {
    const place = gradioApp().getElementById("sd_checkpoint_hash");
    const hash = opts.sd_checkpoint_hash || "";
    if (!place || place.textContent === hash.substring(0, 10)) return;
    place.textContent = hash.substring(0, 10);
    place.title = hash;
});

const settingsTabsWithoutOptions = ["settings_tab_defaults", "settings_tab_actions"];

function settingsShowAllTabs() {
    gradioApp().querySelectorAll("#settings > div").forEach((tab) => {
        if (!settingsTabsWithoutOptions.includes(tab.id)) tab.style.display = "block";
    });
}

function settingsShowOneTab() {
    gradioApp().querySelector("#settings_show_one_page").click();
}

function searchSettings(text) {
    const wanted = text.trim().toLowerCase();
    const entries = "#settings > div[id^=settings_] div[id^=column_settings_] > *";
    gradioApp().querySelectorAll(entries).forEach((entry) => {
        entry.style.display = entry.textContent.trim().toLowerCase().includes(wanted) ? "" : "none";
    });
    if (wanted) settingsShowAllTabs();
    else settingsShowOneTab();
}

onUiLoaded(() => {
    const search = gradioApp().querySelector("#settings_search");
    const input = search?.querySelector("input, textarea");
    const tabs = gradioApp().querySelector("#settings > .tab-nav");
    const showAll = gradioApp().getElementById("settings_show_all_pages");
    if (!input || !tabs || !showAll) return;
    onEdit("settingsSearch", input, 250, () => searchSettings(input.value || ""));
    tabs.insertBefore(search, tabs.firstChild);
    tabs.appendChild(showAll);
    showAll.addEventListener("click", settingsShowAllTabs);
});

onOptionsChanged(() => {
    if (gradioApp().querySelector("#settings .settings-category")) return;
    const buttons = Array.from(gradioApp().querySelectorAll("#settings > .tab-nav > button"));
    (opts._categories || []).forEach(([section, category]) => {
        const button = buttons.find((b) => b.textContent.trim() === section);
        if (!button) return;
        const heading = document.createElement("span");
        heading.className = "settings-category";
        heading.textContent = category;
        button.parentElement.insertBefore(heading, button);
    });
});

/** Show a waiting page and open the new one as soon as it answers. */
function restart_reload() {
    const message = document.createElement("h1");
    message.className = "reloading";
    message.textContent = "Reloading...";
    document.body.replaceChildren(message);
    const ask = () => fetch("./internal/ping").then(
        (answer) => (answer.ok ? location.reload() : setTimeout(ask, 500)),
        () => setTimeout(ask, 500),
    );
    setTimeout(ask, 2000);
    return [];
}

/** The remarks that an option's Python code puts before and after its label. */
onOptionsChanged(() => {
    gradioApp().querySelectorAll("#settings [id^=setting_]").forEach((entry) => {
        const label = entry.querySelector("label span, fieldset span, .label-wrap span");
        if (!label || entry.dataset.remarked) return;
        entry.dataset.remarked = "1";
        const name = entry.id.substring("setting_".length);
        [["_comments_before", "before"], ["_comments_after", "after"]].forEach(([kind, place]) => {
            const html = opts[kind]?.[name];
            if (!html) return;
            const remark = document.createElement("span");
            remark.className = "settings-comment";
            remark.innerHTML = html;
            label[place](remark);
        });
    });
});
