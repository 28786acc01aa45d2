/* Shows in the panel's header which features are switched on, so that it can be seen while the panel is closed. */

(function() {
    "use strict";

    function isOn(id) {
        const box = gradioApp().querySelector("#" + id + " input[type=checkbox]");
        return Boolean(box && box.checked);
    }

    /* Fills every status line from the checkboxes it names: data-master, the extension's own, and data-switches,
       {"id of a feature's checkbox": "title"}. */
    function refresh() {
        gradioApp().querySelectorAll(".vaeface-status").forEach(function(status) {
            const titles = JSON.parse(status.dataset.switches);
            const on = isOn(status.dataset.master) ? Object.keys(titles).filter(isOn) : [];
            status.textContent = on.map((id) => titles[id]).join(" · ");
        });
    }

    window.vaefaceStatus = function() {
        requestAnimationFrame(refresh); // after the page has drawn the new values
        return [];
    };

    onUiLoaded(refresh);
})();
