// When another picture of a gallery is selected, the page fetches that picture's parameters.

onAfterUiUpdate(() => ["txt2img", "img2img"].forEach((tab) => {
    const gallery = gradioApp().querySelector(`#${tab}_gallery`);
    if (!gallery || gallery.dataset.watched) return;
    gallery.dataset.watched = "1";
    new MutationObserver(() => {
        const index = String(selected_gallery_index());
        if (index === gallery.dataset.shown) return;
        gallery.dataset.shown = index;
        // New pictures come before what is told of them: asked now, with none selected, the old text would come back.
        if (index !== "-1") gradioApp().getElementById(`${tab}_generation_info_button`)?.click();
    }).observe(gallery, {attributes: true, attributeFilter: ["class"], childList: true, subtree: true});
}));
