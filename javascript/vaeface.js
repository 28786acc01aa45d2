/* Shows in the panel's header which features are switched on, so that it can be seen while the panel is closed. */

(function() {
    "use strict";

    /* Fills every status line from the checkboxes it names in data-switches: {"id of the checkbox": "title"}. */
    function refresh() {
        gradioApp().querySelectorAll(".vaeface-status").forEach(function(status) {
            const titles = JSON.parse(status.dataset.switches);
            const on = Object.keys(titles).filter(function(id) {
                const box = gradioApp().querySelector("#" + id + " input[type=checkbox]");
                return box && box.checked;
            });
            status.textContent = on.map((id) => titles[id]).join(" · ");
        });
    }

    window.vaefaceStatus = function() {
        requestAnimationFrame(refresh); // after the page has drawn the new values
        return [];
    };

    onUiLoaded(refresh);
})();
