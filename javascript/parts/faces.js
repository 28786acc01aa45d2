/* The part "Faces" of the tab "VAE Face": boxes drawn on a picture, and the text that they are.

   The text is the truth: "left,top,right,bottom; ..." in shares of the picture, numbered in its order. What can't be
   read stays in it as it is, has its number, and is not drawn. */

(function() {
    "use strict";

    const COLOURS = ["#e6194b", "#3cb44b", "#4363d8", "#f58231", "#911eb4", "#008080", "#9a6324", "#000075"];
    const EDGES = ["nw", "n", "ne", "e", "se", "s", "sw", "w"];
    const LEAST = 2, CLICK = 4; // pixels of the picture that a box has, pixels of the screen that are no drag
    const states = new WeakMap(); // a picture -> {items: [{raw, box}], chosen, seen}

    const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
    const shorter = (value) => String(Number(value.toFixed(4)));
    const rootOf = (target) => target instanceof Element ? target.closest(".vaeface-boxes") : null;
    const areaOf = (root) => root.querySelector(".vaeface-boxes-area");
    const sizeOf = (root) => [Number(root.dataset.width), Number(root.dataset.height)];
    const fieldIn = (id) => gradioApp().querySelector("#" + id + " textarea, #" + id + " input");

    /* Text */

    function boxOf(raw, size) {
        const values = raw.replace(/^[()[\]\s]+|[()[\]\s]+$/g, "").split(/[,\s]+/).map((one) => one ? Number(one) : NaN);
        if (values.length !== 4 || !values.every(Number.isFinite)) return null;
        const shares = values.every((value) => value <= 1);
        const box = values.map((value, n) => clamp(shares ? value : value / size[n % 2], 0, 1));
        return box[2] > box[0] && box[3] > box[1] ? box : null;
    }

    function parse(text, size) {
        const parts = text.split(/[;\n]/).map((part) => part.trim()).filter(Boolean);
        return parts.map((raw) => ({raw: raw, box: boxOf(raw, size)}));
    }

    const textOf = (items) => items.map((item) => item.raw).join("; ");

    function write(field, text) {
        field.value = text;
        field.dispatchEvent(new Event("input", {bubbles: true}));
    }

    function said(root, text) {
        root.querySelector(".vaeface-boxes-said").textContent = text;
    }

    /* Drawing */

    function draw(root) {
        const state = states.get(root), layer = root.querySelector(".vaeface-boxes-layer");
        while (layer.children.length > state.items.length) layer.lastChild.remove();
        while (layer.children.length < state.items.length) layer.append(frame());
        state.items.forEach(function(item, n) {
            const element = layer.children[n], box = item.box;
            element.hidden = !box;
            element.dataset.number = n;
            element.classList.toggle("vaeface-chosen", n === state.chosen);
            if (!box) return;
            Object.assign(element.style, {
                left: box[0] * 100 + "%", top: box[1] * 100 + "%",
                width: (box[2] - box[0]) * 100 + "%", height: (box[3] - box[1]) * 100 + "%",
            });
            element.style.setProperty("--vaeface-box", COLOURS[n % COLOURS.length]);
            element.querySelector("b").textContent = n + 1;
            element.setAttribute("aria-label", "Box " + (n + 1) + ": " + box.map(shorter).join(", "));
        });
        const wrong = state.items.findIndex((item) => !item.box);
        said(root, wrong < 0 ? "" : "Box " + (wrong + 1) + " can't be drawn: four numbers are wanted, as in 0.2,0.1,0.4,0.5");
    }

    function frame() {
        const element = document.createElement("div");
        element.className = "vaeface-box";
        element.tabIndex = 0;
        element.setAttribute("role", "group");
        element.append(document.createElement("b"));
        EDGES.forEach(function(edge) {
            const handle = document.createElement("i");
            handle.dataset.edge = edge;
            element.append(handle);
        });
        return element;
    }

    function focus(root) {
        const state = states.get(root);
        const element = root.querySelector(".vaeface-boxes-layer").children[state.chosen];
        (element && !element.hidden ? element : areaOf(root)).focus({preventScroll: true});
    }

    /* The boxes have changed on the picture: the text follows. */
    function changed(root) {
        const state = states.get(root), field = fieldIn(root.dataset.text);
        state.seen = textOf(state.items);
        if (field) write(field, state.seen);
        draw(root);
    }

    function put(root, number, box) {
        const [width, height] = sizeOf(root), least = [LEAST / width, LEAST / height];
        const ends = [0, 1].map(function(axis) {
            const low = clamp(Math.min(box[axis], box[axis + 2]), 0, 1 - least[axis]);
            return [low, clamp(Math.max(box[axis], box[axis + 2]), low + least[axis], 1)];
        });
        const whole = [ends[0][0], ends[1][0], ends[0][1], ends[1][1]];
        states.get(root).items[number] = {raw: whole.map(shorter).join(","), box: whole.map((v) => Number(shorter(v)))};
    }

    /* A box moved by (x, y), as a whole inside the picture. */
    function moved(box, x, y) {
        x = clamp(x, -box[0], 1 - box[2]);
        y = clamp(y, -box[1], 1 - box[3]);
        return [box[0] + x, box[1] + y, box[2] + x, box[3] + y];
    }

    function stretched(box, edge, x, y) {
        const made = box.slice();
        if (edge.includes("w")) made[0] = clamp(box[0] + x, 0, 1);
        if (edge.includes("n")) made[1] = clamp(box[1] + y, 0, 1);
        if (edge.includes("e")) made[2] = clamp(box[2] + x, 0, 1);
        if (edge.includes("s")) made[3] = clamp(box[3] + y, 0, 1);
        return made;
    }

    function remove(root) {
        const state = states.get(root);
        if (state.chosen < 0) return;
        state.items.splice(state.chosen, 1);
        state.chosen = Math.min(state.chosen, state.items.length - 1);
        changed(root);
        focus(root);
    }

    function add(root, box) {
        const state = states.get(root);
        state.chosen = state.items.length;
        put(root, state.chosen, box);
        changed(root);
    }

    /* Pointer */

    let drag = null; // {root, x, y: where it began, from: the box then or null, edge, number}

    function at(root, event) {
        const place = areaOf(root).getBoundingClientRect();
        return {x: clamp((event.clientX - place.left) / place.width, 0, 1),
                y: clamp((event.clientY - place.top) / place.height, 0, 1)};
    }

    document.addEventListener("pointerdown", function(event) {
        const area = event.target instanceof Element && event.target.closest(".vaeface-boxes-area");
        const root = area && rootOf(area), state = root && states.get(root);
        if (!state || event.button !== 0) return;
        const element = event.target.closest(".vaeface-box"), edge = event.target.dataset.edge || "";
        state.chosen = element ? Number(element.dataset.number) : -1;
        const from = element ? state.items[state.chosen].box : null;
        drag = {root: root, ...at(root, event), from: from, edge: edge, clientX: event.clientX, clientY: event.clientY};
        area.setPointerCapture(event.pointerId);
        draw(root);
        focus(root);
        event.preventDefault();
    });

    document.addEventListener("pointermove", function(event) {
        if (!drag || !states.has(drag.root)) return;
        const root = drag.root, state = states.get(root), now = at(root, event);
        const far = Math.max(Math.abs(event.clientX - drag.clientX), Math.abs(event.clientY - drag.clientY));
        if (!drag.going && far < CLICK) return;
        drag.going = true;
        if (drag.from) {
            const x = now.x - drag.x, y = now.y - drag.y;
            put(root, state.chosen, drag.edge ? stretched(drag.from, drag.edge, x, y) : moved(drag.from, x, y));
        } else {
            if (state.chosen < 0) state.chosen = state.items.length;
            put(root, state.chosen, [drag.x, drag.y, now.x, now.y]);
        }
        changed(root);
    });

    document.addEventListener("pointerup", function() {
        if (drag && drag.going) focus(drag.root);
        drag = null;
    });

    document.addEventListener("pointercancel", () => { drag = null; });

    /* Keyboard */

    document.addEventListener("focusin", function(event) {
        const element = event.target instanceof Element && event.target.closest(".vaeface-box");
        const root = element && rootOf(element), state = root && states.get(root);
        if (!state || drag) return;
        state.chosen = Number(element.dataset.number);
        draw(root);
    });

    function letGo(root) {
        states.get(root).chosen = -1;
        draw(root);
        focus(root);
    }

    document.addEventListener("keydown", function(event) {
        const area = event.target instanceof Element && event.target.closest(".vaeface-boxes-area");
        const root = area && rootOf(area), state = root && states.get(root);
        if (!state || event.altKey || event.metaKey) return;
        const arrows = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};
        const item = state.items[state.chosen], arrow = arrows[event.key], [width, height] = sizeOf(root);
        if (item && item.box && arrow) {
            const step = event.shiftKey ? 10 : 1, x = arrow[0] * step / width, y = arrow[1] * step / height;
            put(root, state.chosen, event.ctrlKey ? stretched(item.box, "se", x, y) : moved(item.box, x, y));
            changed(root);
        } else if (event.key === "Delete" || event.key === "Backspace") {
            remove(root);
        } else if (event.key === "Escape") {
            letGo(root);
        } else if (event.key === "Insert") {
            add(root, [0.4, 0.35, 0.6, 0.65]);
            focus(root);
        } else {
            return;
        }
        event.preventDefault();
        event.stopPropagation();
    }, true);

    /* Buttons */

    function use(tab) {
        const field = fieldIn("vaeface_faces_boxes"), there = fieldIn("script_" + tab + "_vae_face_face_boxes");
        const told = gradioApp().querySelector(".vaeface-faces-used");
        if (!there) {
            told.textContent = "The panel of VAE Face is not on the page of " + tab + ".";
            return;
        }
        const text = field.value.split(/[;\n]/).map((part) => part.trim()).filter(Boolean).join("; ");
        write(there, text);
        const count = text ? text.split(";").length : 0;
        told.textContent = count ? count + (count > 1 ? " boxes are" : " box is") + " in the panel of " + tab +
            " now, as Boxes of your own. Faces must be switched on there." :
            "The panel of " + tab + " has no boxes now: faces are searched.";
    }

    document.addEventListener("click", function(event) {
        if (!(event.target instanceof Element)) return;
        const button = event.target.closest("#vaeface_faces_use_txt2img, #vaeface_faces_use_img2img");
        if (button) use(button.id.replace("vaeface_faces_use_", ""));
        const root = rootOf(event.target);
        if (!root || !states.has(root)) return;
        if (event.target.closest(".vaeface-boxes-add")) {
            add(root, [0.4, 0.35, 0.6, 0.65]);
            focus(root);
        }
        if (event.target.closest(".vaeface-boxes-delete")) remove(root);
    });

    /* Typing, and what the server brings */

    function read(root, text) {
        const state = states.get(root);
        state.seen = text;
        if (text === textOf(state.items)) return;
        state.items = parse(text, sizeOf(root));
        if (state.chosen >= state.items.length) state.chosen = -1;
        draw(root);
    }

    const roots = () => gradioApp().querySelectorAll(".vaeface-boxes");

    document.addEventListener("input", function(event) {
        roots().forEach(function(root) {
            if (states.has(root) && event.target === fieldIn(root.dataset.text)) read(root, event.target.value);
        });
    });

    onUiUpdate(function() {
        roots().forEach(function(root) {
            const field = fieldIn(root.dataset.text);
            if (!states.has(root)) {
                const items = parse(root.dataset.boxes, sizeOf(root));
                states.set(root, {items: items, chosen: -1, seen: field ? field.value : ""});
                draw(root);
            } else if (field && field.value !== states.get(root).seen) {
                read(root, field.value);
            }
        });
    });
})();
