/* The tab "VAE Face": files that are sent as text, and the viewer with its slider, difference and zoom.

   All events are listened to on the document, so that what the server sends anew works at once. */

(function() {
    "use strict";

    const STEP = 1.25, MOST_ZOOM = 32;
    const sent = {}; // id of a drop zone -> [{name, data}]

    /* Files */

    function base64(file) {
        return new Promise(function(done, failed) {
            const reader = new FileReader();
            reader.onload = () => done(String(reader.result).split(",", 2)[1] || "");
            reader.onerror = () => failed(reader.error);
            reader.readAsDataURL(file);
        });
    }

    async function take(zone, list) {
        const files = Array.from(list), name = zone.querySelector(".vaeface-drop-name");
        const most = Number(zone.querySelector("input").dataset.most);
        delete sent[zone.id];
        if (!files.length) return;
        if (files.reduce((sum, file) => sum + file.size, 0) > most) {
            name.textContent = "Too large: " + Math.floor(most / 1048576) + " MB can be sent at once";
            return;
        }
        try {
            const read = await Promise.all(files.map(async(file) => ({name: file.name, data: await base64(file)})));
            sent[zone.id] = read;
            name.textContent = files.length > 1 ? files.length + " files" : files[0].name;
        } catch (error) {
            name.textContent = "It could not be read";
        }
    }

    /* What a drop zone holds, as the server wants it. */
    window.vaefaceUpload = (id) => sent[id] ? JSON.stringify(sent[id]) : "";

    function zoneOf(event) {
        return event.target instanceof Element ? event.target.closest(".vaeface-drop") : null;
    }

    ["dragenter", "dragover", "dragleave", "drop"].forEach(function(kind) {
        document.addEventListener(kind, function(event) {
            const zone = zoneOf(event);
            if (!zone) return;
            event.preventDefault();
            event.stopPropagation();
            zone.classList.toggle("vaeface-over", kind === "dragenter" || kind === "dragover");
            if (kind === "drop") {
                const files = Array.from(event.dataTransfer.files);
                take(zone, zone.querySelector("input").multiple ? files : files.slice(0, 1));
            }
        }, true);
    });

    /* The viewer. Its state is in data-mode, and in the style: --vaeface-at (0..100), --vaeface-zoom, and the point of
       the picture (0..1 of its sides) that is at the left top: --vaeface-x, --vaeface-y. */

    const viewerOf = (element) => element instanceof Element ? element.closest(".vaeface-viewer") : null;
    const chosen = (viewer, name) => (viewer.querySelector(".vaeface-select-" + name) || {value: "0"}).value;

    function get(viewer, name, fallback) {
        const value = parseFloat(viewer.style.getPropertyValue("--vaeface-" + name));
        return Number.isFinite(value) ? value : fallback;
    }

    function set(viewer, values) {
        Object.keys(values).forEach((name) => viewer.style.setProperty("--vaeface-" + name, String(values[name])));
    }

    const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

    function source(viewer, column, picture, kind) {
        const figure = viewer.querySelector("figure[data-column='" + column + "']");
        const images = figure ? figure.querySelectorAll("img[data-" + kind + "]") : [];
        return images[Math.min(picture, images.length - 1)] || null;
    }

    function draw(viewer) {
        const picture = Number(chosen(viewer, "number")), mode = chosen(viewer, "mode");
        const names = {left: chosen(viewer, "left"), right: chosen(viewer, "right")};
        viewer.dataset.mode = mode;
        ["left", "right"].forEach(function(side) {
            const image = viewer.querySelector(".vaeface-" + side + " img");
            const heat = mode === "heat" && side === "right";
            const found = source(viewer, names[side], picture, heat ? "heat" : "picture");
            image.src = found ? found.src : "data:,";
            image.hidden = !found;
            image.alt = found ? found.alt : "equal to itself";
        });
        const title = (column) => viewer.querySelector("figure[data-column='" + column + "'] b").textContent;
        const labels = viewer.querySelectorAll(".vaeface-name");
        labels[0].textContent = mode === "heat" ? "" : title(names.left);
        labels[1].textContent = title(names.right);
    }

    function slide(viewer, at) {
        set(viewer, {at: clamp(at, 0, 100)});
        viewer.querySelector(".vaeface-handle").setAttribute("aria-valuenow", Math.round(get(viewer, "at", 50)));
    }

    function zoomTo(viewer, zoom, x, y) {
        zoom = clamp(zoom, 1, MOST_ZOOM);
        set(viewer, {zoom: zoom, x: clamp(x, 0, 1 - 1 / zoom), y: clamp(y, 0, 1 - 1 / zoom)});
        viewer.classList.toggle("vaeface-near", zoom > 1);
    }

    /* Zoom by a factor; the point (px, py) of the pane, 0..1, stays where it is. */
    function zoomBy(viewer, factor, px, py) {
        const old = get(viewer, "zoom", 1), zoom = clamp(old * factor, 1, MOST_ZOOM);
        zoomTo(viewer, zoom, get(viewer, "x", 0) + px / old - px / zoom, get(viewer, "y", 0) + py / old - py / zoom);
    }

    function place(viewer, text) {
        if (!text) return zoomTo(viewer, 1, 0, 0);
        const wanted = JSON.parse(text), box = wanted.box;
        const width = Number(viewer.dataset.width), height = Number(viewer.dataset.height);
        const number = viewer.querySelector(".vaeface-select-number");
        if (number) number.value = String(wanted.picture);
        draw(viewer);
        const zoom = clamp(0.8 * Math.min(width / (box[2] - box[0]), height / (box[3] - box[1])), 1, MOST_ZOOM);
        zoomTo(viewer, zoom, (box[0] + box[2]) / 2 / width - 0.5 / zoom, (box[1] + box[3]) / 2 / height - 0.5 / zoom);
    }

    function inPane(viewer, event) {
        const panes = Array.from(viewer.querySelectorAll(".vaeface-pane"));
        const pane = panes.find((one) => one.contains(event.target)) || panes[0];
        const box = pane.getBoundingClientRect();
        return {x: (event.clientX - box.left) / box.width, y: (event.clientY - box.top) / box.height};
    }

    document.addEventListener("change", function(event) {
        const zone = zoneOf(event), viewer = viewerOf(event.target);
        if (zone && event.target.type === "file") take(zone, event.target.files);
        if (!viewer || event.target.tagName !== "SELECT") return;
        if (event.target.classList.contains("vaeface-select-place")) place(viewer, event.target.value);
        else draw(viewer);
    });

    document.addEventListener("click", function(event) {
        const viewer = viewerOf(event.target);
        if (!viewer) return;
        const tool = event.target.closest(".vaeface-tool"), figure = event.target.closest("figure");
        if (tool && tool.classList.contains("vaeface-in")) zoomBy(viewer, STEP * STEP, 0.5, 0.5);
        if (tool && tool.classList.contains("vaeface-out")) zoomBy(viewer, 1 / STEP / STEP, 0.5, 0.5);
        if (tool && tool.classList.contains("vaeface-fit")) zoomTo(viewer, 1, 0, 0);
        if (figure) {
            viewer.querySelector(".vaeface-select-right").value = figure.dataset.column;
            draw(viewer);
        }
    });

    let drag = null; // {viewer, pans, x, y}: where the pointer was last

    document.addEventListener("pointerdown", function(event) {
        const stage = event.target instanceof Element && event.target.closest(".vaeface-stage");
        if (!stage || event.button !== 0) return;
        const viewer = viewerOf(stage), handle = event.target.closest(".vaeface-handle");
        const pans = !handle && (get(viewer, "zoom", 1) > 1 || viewer.dataset.mode !== "slider");
        stage.setPointerCapture(event.pointerId);
        viewer.querySelector(".vaeface-handle").focus({preventScroll: true});
        drag = {viewer: viewer, pans: pans, x: event.clientX, y: event.clientY};
        if (!pans) slide(viewer, inPane(viewer, event).x * 100);
        event.preventDefault();
    });

    document.addEventListener("pointermove", function(event) {
        if (!drag) return;
        const viewer = drag.viewer;
        if (drag.pans) {
            const box = viewer.querySelector(".vaeface-pane").getBoundingClientRect(), zoom = get(viewer, "zoom", 1);
            zoomTo(viewer, zoom, get(viewer, "x", 0) - (event.clientX - drag.x) / box.width / zoom,
                   get(viewer, "y", 0) - (event.clientY - drag.y) / box.height / zoom);
            drag.x = event.clientX;
            drag.y = event.clientY;
        } else {
            const box = viewer.querySelector(".vaeface-pane").getBoundingClientRect();
            slide(viewer, (event.clientX - box.left) / box.width * 100);
        }
    });

    ["pointerup", "pointercancel"].forEach((kind) => document.addEventListener(kind, () => { drag = null; }));

    document.addEventListener("wheel", function(event) {
        const stage = event.target instanceof Element && event.target.closest(".vaeface-stage");
        if (!stage || !stage.contains(document.activeElement)) return; // the page scrolls until the picture is clicked
        const viewer = viewerOf(stage), point = inPane(viewer, event);
        zoomBy(viewer, event.deltaY < 0 ? STEP : 1 / STEP, point.x, point.y);
        event.preventDefault();
    }, {passive: false});

    document.addEventListener("keydown", function(event) {
        if (!(event.target instanceof Element) || !event.target.classList.contains("vaeface-handle")) return;
        if (event.ctrlKey || event.altKey || event.metaKey) return;
        const viewer = viewerOf(event.target), at = get(viewer, "at", 50), step = event.shiftKey ? 10 : 1;
        const keys = {
            ArrowLeft: () => slide(viewer, at - step), ArrowDown: () => slide(viewer, at - step),
            ArrowRight: () => slide(viewer, at + step), ArrowUp: () => slide(viewer, at + step),
            Home: () => slide(viewer, 0), End: () => slide(viewer, 100),
            "+": () => zoomBy(viewer, STEP, 0.5, 0.5), "-": () => zoomBy(viewer, 1 / STEP, 0.5, 0.5),
            "0": () => zoomTo(viewer, 1, 0, 0),
        };
        if (!keys[event.key]) return;
        keys[event.key]();
        event.preventDefault();
    });

    /* Buttons that are pressed once by themselves, when they are first seen: what they bring costs little. */
    const seen = new IntersectionObserver((found) => found.filter((one) => one.isIntersecting).forEach(function({target}) {
        seen.unobserve(target);
        target.click();
    }));
    gradioApp().querySelectorAll("button.vaeface-first-seen").forEach((button) => seen.observe(button));

    onUiUpdate(function() {
        gradioApp().querySelectorAll(".vaeface-viewer:not([data-ready])").forEach(function(viewer) {
            viewer.dataset.ready = "yes";
            draw(viewer);
        });
    });
})();
