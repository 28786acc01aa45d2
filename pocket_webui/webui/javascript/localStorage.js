// Storage that may be forbidden by the browser; then nothing is remembered.

function withLocalStorage(action) {
    try {
        return action(window.localStorage);
    } catch (error) {
        console.warn("local storage is not available:", error);
        return undefined;
    }
}

function localSet(key, value) {
    withLocalStorage((storage) => storage.setItem(key, value));
}

function localGet(key, otherwise) {
    return withLocalStorage((storage) => storage.getItem(key)) ?? otherwise;
}

function localRemove(key) {
    withLocalStorage((storage) => storage.removeItem(key));
}
