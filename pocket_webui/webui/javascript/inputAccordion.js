// An accordion whose header has a checkbox. gradio knows the state by a hidden checkbox named `<id>-checkbox`; the
// one in the header is `<id>-visible-checkbox`. Opening and ticking go together until the box itself is clicked:
// from then on the accordion can be closed while it stays ticked.

function inputAccordionChecked(id, checked) {
    const accordion = gradioApp().getElementById(id);
    if (!accordion?.visibleCheckbox) return;
    accordion.visibleCheckbox.checked = checked;
    accordion.onVisibleCheckboxChange();
}

function setupAccordion(accordion) {
    const header = accordion.querySelector(".label-wrap");
    const hidden = gradioApp().querySelector(`#${accordion.id}-checkbox input`);
    const extra = gradioApp().querySelector(`#${accordion.id}-extra`);
    if (!header || !hidden || accordion.visibleCheckbox) return;
    const isOpen = () => header.classList.contains("open");
    let linked = true;

    const box = document.createElement("input");
    box.type = "checkbox";
    box.id = `${accordion.id}-visible-checkbox`;
    box.className = `${hidden.className} input-accordion-checkbox`;
    box.checked = isOpen();
    const title = header.querySelector("span");
    box.setAttribute("aria-label", title.textContent.trim());
    title.insertBefore(box, title.firstChild);
    if (extra) header.insertBefore(extra, header.lastElementChild);

    accordion.visibleCheckbox = box;
    accordion.onVisibleCheckboxChange = () => {
        if (linked && isOpen() !== box.checked) header.click();
        if (hidden.checked !== box.checked) {
            hidden.checked = box.checked;
            updateInput(hidden);
        }
    };
    accordion.onChecked = (checked) => {
        if (isOpen() !== checked) header.click();
    };
    box.addEventListener("click", (event) => {
        linked = false;
        event.stopPropagation();
    });
    box.addEventListener("input", accordion.onVisibleCheckboxChange);
    new MutationObserver(() => {
        accordion.classList.toggle("input-accordion-open", isOpen());
        if (!linked) return;
        box.checked = isOpen();
        accordion.onVisibleCheckboxChange();
    }).observe(header, {attributes: true, attributeFilter: ["class"]});
}

onUiLoaded(() => gradioApp().querySelectorAll(".input-accordion").forEach(setupAccordion));
