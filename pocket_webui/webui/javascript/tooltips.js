// Python components carry their tooltip in the page's config; here it becomes the elements' title.

onUiLoaded(() => {
    (window.gradio_config?.components || []).forEach(({props}) => {
        if (!props?.webui_tooltip || !props.elem_id) return;
        const element = gradioApp().getElementById(props.elem_id);
        if (!element) return;
        element.title = props.webui_tooltip;
        if (element.tagName === "BUTTON") element.setAttribute("aria-label", props.webui_tooltip);
    });
});
