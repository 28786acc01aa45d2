// Asks the server how far a task is, and shows a bar and a preview meanwhile.

function request(url, data, handler, errorHandler) {
    fetch(url, {method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify(data)})
        .then((answer) => (answer.ok ? answer.json() : Promise.reject(new Error(`${url}: ${answer.status}`))))
        .then(handler)
        .catch(errorHandler);
}

function pad2(x) {
    return x < 10 ? "0" + x : x;
}

function formatTime(seconds) {
    const s = Math.floor(seconds), minutes = Math.floor(s / 60), hours = Math.floor(minutes / 60);
    if (hours > 0) return `${pad2(hours)}:${pad2(minutes % 60)}:${pad2(s % 60)}`;
    return minutes > 0 ? `${pad2(minutes)}:${pad2(s % 60)}` : `${s}s`;
}

var originalAppTitle = undefined;

onUiLoaded(() => {
    originalAppTitle = document.title;
});

function setTitle(progress) {
    if (originalAppTitle === undefined) return;
    const shown = opts.show_progress_in_title && progress ? `[${progress.trim()}] ` : "";
    document.title = shown + originalAppTitle;
}

function randomId() {
    const part = () => Math.random().toString(36).slice(2, 7);
    return `task(${part()}${part()}${part()})`;
}

function progressText(answer) {
    const parts = [];
    if (answer.textinfo && !answer.textinfo.includes("\n")) parts.push(answer.textinfo);
    if (answer.progress > 0) parts.push(`${(answer.progress * 100).toFixed(0)}%`);
    if (answer.eta) parts.push(`ETA: ${formatTime(answer.eta)}`);
    return parts.join(" ");
}

/** A bar above `container`; `show(answer)` updates it, `remove()` takes it away. */
function createProgressBar(container) {
    const bar = document.createElement("div"), inner = document.createElement("div");
    bar.className = "progressDiv";
    bar.style.display = opts.show_progressbar === false ? "none" : "block";
    bar.setAttribute("role", "progressbar");
    inner.className = "progress";
    bar.appendChild(inner);
    container.parentNode.insertBefore(bar, container);
    return {
        show(answer) {
            inner.style.width = `${(answer.progress || 0) * 100}%`;
            inner.style.background = answer.progress ? "" : "transparent";
            inner.textContent = progressText(answer);
            setTitle(inner.textContent);
        },
        remove() {
            setTitle("");
            bar.remove();
        },
    };
}

/** Preview pictures over `gallery`; the newest covers the one before it. */
function createLivePreview(gallery) {
    let holder = null;
    return {
        show(source) {
            const image = new Image();
            image.alt = "live preview";
            image.onload = () => {
                if (!holder) {
                    holder = document.createElement("div");
                    holder.className = "livePreview";
                    gallery.insertBefore(holder, gallery.firstElementChild);
                }
                holder.appendChild(image);
                if (holder.childElementCount > 2) holder.firstElementChild.remove();
            };
            image.src = source;
        },
        remove() {
            holder?.remove();
        },
    };
}

/**
 * Follow the task `id_task` until it has ended, then call `atEnd()`. The bar is put above `container`, previews go into
 * `gallery` (may be null); `onProgress(answer)` is called at every answer. A task the server does not know
 * for `inactivityTimeout` seconds counts as ended.
 */
function requestProgress(id_task, container, gallery, atEnd, onProgress, inactivityTimeout = 40) {
    const began = Date.now(), bar = createProgressBar(container), preview = gallery ? createLivePreview(gallery) : null;
    let wasActive = false, ended = false;

    const end = () => {
        if (ended) return;
        ended = true;
        bar.remove();
        preview?.remove();
        atEnd();
    };
    const later = (action) => setTimeout(action, opts.live_preview_refresh_period || 500);

    const askProgress = () => request("./internal/progress", {id_task: id_task, live_preview: false}, (answer) => {
        if (ended) return;
        const unknown = !answer.active && !answer.queued && (Date.now() - began) / 1000 > inactivityTimeout;
        if (answer.completed || (wasActive && !answer.active) || unknown) {
            end();
            return;
        }
        wasActive = wasActive || answer.active;
        bar.show(answer);
        if (onProgress) onProgress(answer);
        later(askProgress);
    }, end);

    const askPreview = (last) => request("./internal/progress", {id_task: id_task, id_live_preview: last}, (answer) => {
        if (ended) return;
        if (answer.live_preview) preview.show(answer.live_preview);
        later(() => askPreview(answer.id_live_preview));
    }, end);

    askProgress();
    if (preview) askPreview(0);
}
