"""The X/Y/Z plot: one job painted many times, with up to three things varied. Extensions add to `axis_options`."""

from __future__ import annotations

from collections import namedtuple
from copy import copy
from typing import Any

import gradio as gr

from modules import (
    errors,
    images,
    processing,
    scripts,
    sd_models,
    sd_samplers,
    sd_schedulers,
    sd_vae,
    shared,
    xyz_plot,
    xyz_values,
)
from modules.processing import Processed, process_images
from modules.shared import opts, state
from modules.ui_components import ToolButton
from modules.xyz_axes import (
    AxisOption,
    AxisOptionImg2Img,
    AxisOptionTxt2Img,
    apply_checkpoint,
    apply_field,
    apply_order,
    apply_override,
    apply_prompt,
    apply_size,
    apply_styles,
    apply_uni_pc_order,
    apply_vae,
    boolean_choice,
    confirm_checkpoints,
    confirm_checkpoints_or_none,
    confirm_range,  # noqa: F401  (extensions take it from here)
    confirm_samplers,
    csv_string_to_list_strip,
    do_nothing,
    find_vae,  # noqa: F401
    format_nothing,
    format_remove_path,
    format_value,
    format_value_add_label,  # noqa: F401
    format_value_join_list,
    list_to_csv_string,
    str_permutations,
)

fill_values_symbol = "\U0001f4d2"

AxisInfo = namedtuple("AxisInfo", ["axis", "values"])


def _samplers() -> list[str]:
    return sd_samplers.visible_sampler_names()


def _checkpoints() -> list[str]:
    return sorted(sd_models.checkpoints_list, key=str.casefold)


def _upscalers() -> list[str]:
    return [*shared.latent_upscale_modes, *(upscaler.name for upscaler in shared.sd_upscalers)]


axis_options = [
    AxisOption("Nothing", str, do_nothing, format_value=format_nothing),
    AxisOption("Seed", int, apply_field("seed")),
    AxisOption("Var. seed", int, apply_field("subseed")),
    AxisOption("Var. strength", float, apply_field("subseed_strength")),
    AxisOption("Steps", int, apply_field("steps")),
    AxisOptionTxt2Img("Hires steps", int, apply_field("hr_second_pass_steps")),
    AxisOption("CFG Scale", float, apply_field("cfg_scale")),
    AxisOption("Prompt S/R", str, apply_prompt, format_value=format_value),
    AxisOption("Prompt order", str_permutations, apply_order, format_value=format_value_join_list),
    AxisOption("Sampler", str, apply_field("sampler_name"), format_value=format_value, confirm=confirm_samplers,
               choices=_samplers),
    AxisOptionTxt2Img("Hires sampler", str, apply_field("hr_sampler_name"), confirm=confirm_samplers,
                      choices=_samplers),
    AxisOption("Checkpoint name", str, apply_checkpoint, format_value=format_remove_path,
               confirm=confirm_checkpoints, cost=1.0, choices=_checkpoints),
    AxisOption("Negative Guidance minimum sigma", float, apply_field("s_min_uncond")),
    AxisOption("Sigma Churn", float, apply_field("s_churn")),
    AxisOption("Sigma min", float, apply_field("s_tmin")),
    AxisOption("Sigma max", float, apply_field("s_tmax")),
    AxisOption("Sigma noise", float, apply_field("s_noise")),
    AxisOption("Schedule type", str, apply_field("scheduler"),
               choices=lambda: [scheduler.label for scheduler in sd_schedulers.schedulers]),
    AxisOption("Schedule min sigma", float, apply_override("sigma_min")),
    AxisOption("Schedule max sigma", float, apply_override("sigma_max")),
    AxisOption("Schedule rho", float, apply_override("rho")),
    AxisOption("Eta", float, apply_field("eta")),
    AxisOption("Clip skip", int, apply_override("CLIP_stop_at_last_layers")),
    AxisOption("Denoising", float, apply_field("denoising_strength")),
    AxisOption("Initial noise multiplier", float, apply_field("initial_noise_multiplier")),
    AxisOption("Extra noise", float, apply_override("img2img_extra_noise")),
    AxisOptionTxt2Img("Hires upscaler", str, apply_field("hr_upscaler"), choices=_upscalers),
    AxisOptionImg2Img("Cond. Image Mask Weight", float, apply_field("inpainting_mask_weight")),
    AxisOption("VAE", str, apply_vae, cost=0.7, choices=lambda: ["Automatic", "None", *sd_vae.vae_dict]),
    AxisOption("Styles", str, apply_styles, choices=lambda: list(shared.prompt_styles.styles)),
    AxisOption("UniPC Order", int, apply_uni_pc_order, cost=0.5),
    AxisOption("Always discard next-to-last sigma", str,
               apply_override("always_discard_next_to_last_sigma", boolean=True), choices=boolean_choice(reverse=True)),
    AxisOption("SGM noise multiplier", str, apply_override("sgm_noise_multiplier", boolean=True),
               choices=boolean_choice(reverse=True)),
    AxisOption("Refiner checkpoint", str, apply_field("refiner_checkpoint"), format_value=format_remove_path,
               confirm=confirm_checkpoints_or_none, cost=1.0, choices=lambda: ["None", *_checkpoints()]),
    AxisOption("Refiner switch at", float, apply_field("refiner_switch_at")),
    AxisOption("RNG source", str, apply_override("randn_source"), choices=lambda: ["GPU", "CPU", "NV"]),
    AxisOption("Size", str, apply_size),
]


def _axis_update(option: AxisOption, text: str, picked: list[str], csv_mode: bool) -> tuple[Any, Any, Any]:
    """What the fill button, the text and the dropdown of an axis show for this option; values move between the two."""
    choices = option.choices() if option.choices is not None else None
    if choices is not None and csv_mode and picked:
        text, picked = list_to_csv_string([value for value in picked if value in choices]), []
    elif choices is not None and not csv_mode and text:
        text, picked = "", [value for value in csv_string_to_list_strip(text) if value in choices]
    return (
        gr.Button.update(visible=choices is not None),
        gr.Textbox.update(visible=choices is None or csv_mode, value=text),
        gr.update(choices=choices, visible=choices is not None and not csv_mode, value=picked),
    )


class Script(scripts.Script):
    def title(self) -> str:
        return "X/Y/Z plot"

    def _axis(self, name: str, default: int) -> tuple[Any, Any, Any, Any]:
        """(type, text, dropdown, fill button) of the axis "X", "Y" or "Z"."""
        labels, low = [option.label for option in self.current_axis_options], name.lower()
        with gr.Row():
            kind = gr.Dropdown(label=f"{name} type", choices=labels, value=labels[default], type="index",
                               elem_id=self.elem_id(f"{low}_type"))
            text = gr.Textbox(label=f"{name} values", lines=1, elem_id=self.elem_id(f"{low}_values"))
            picked = gr.Dropdown(label=f"{name} values", visible=False, multiselect=True, interactive=True)
            fill = ToolButton(fill_values_symbol, elem_id=f"xyz_grid_fill_{low}_tool_button", visible=False,
                              tooltip=f"Fill in all values of {name}")
        return kind, text, picked, fill

    def _checkbox(self, label: str, name: str, value: bool = False, **kwargs: Any) -> Any:
        return gr.Checkbox(label=label, value=value, elem_id=self.elem_id(name), **kwargs)

    def ui(self, is_img2img: bool) -> list[Any]:
        self.current_axis_options = [x for x in axis_options if getattr(x, "is_img2img", is_img2img) == is_img2img]
        axes = [self._axis("X", 1), self._axis("Y", 0), self._axis("Z", 0)]
        with gr.Row(variant="compact", elem_id="axis_options"):
            with gr.Column():
                draw_legend = self._checkbox("Draw legend", "draw_legend", True)
                no_fixed_seeds = self._checkbox("Keep -1 for seeds", "no_fixed_seeds")
                with gr.Row():
                    vary = [
                        self._checkbox(f"Vary seeds for {a}", f"vary_seeds_{a.lower()}", min_width=80,
                                       tooltip=f"Use different seeds for images along {a} axis.")
                        for a in "XYZ"
                    ]
            with gr.Column():
                lone = self._checkbox("Include Sub Images", "include_lone_images")
                sub_grids = self._checkbox("Include Sub Grids", "include_sub_grids")
                csv_mode = self._checkbox("Use text inputs instead of dropdowns", "csv_mode")
            with gr.Column():
                margin = gr.Slider(label="Grid margins (px)", minimum=0, maximum=500, value=0, step=2,
                                   elem_id=self.elem_id("margin_size"))
        self._swap_buttons(axes)
        for axis in axes:
            self._connect(axis, csv_mode)
        self._set_infotext_fields(axes)
        controls = [part for axis in axes for part in axis[:3]]
        return [*controls, draw_legend, lone, sub_grids, no_fixed_seeds, *vary, margin, csv_mode]

    def _swap_buttons(self, axes: list[tuple]) -> None:
        def swap(kind_a: int, text_a: str, picked_a: list, kind_b: int, text_b: str, picked_b: list) -> tuple:
            labels = [option.label for option in self.current_axis_options]
            return labels[kind_b], text_b, picked_b, labels[kind_a], text_a, picked_a

        with gr.Row(variant="compact", elem_id="swap_axes"):
            for first, second in ((0, 1), (1, 2), (0, 2)):
                names = "XYZ"[first], "XYZ"[second]
                button = gr.Button(f"Swap {names[0]}/{names[1]} axes",
                                   elem_id=f"{''.join(names).lower()}_grid_swap_axes_button")
                parts = [*axes[first][:3], *axes[second][:3]]
                button.click(swap, inputs=parts, outputs=parts)

    def _connect(self, axis: tuple, csv_mode: Any) -> None:
        kind, text, picked, fill = axis

        def show(number: int | None, typed: str, chosen: list, as_text: bool) -> tuple:
            return _axis_update(self.current_axis_options[number or 0], typed, chosen or [], as_text)

        def fill_in(number: int | None, as_text: bool) -> tuple:
            option = self.current_axis_options[number or 0]
            values = option.choices() if option.choices else None
            if values is None:
                return gr.update(), gr.update()
            return (list_to_csv_string(values), gr.update()) if as_text else (gr.update(), values)

        fill.click(fn=fill_in, inputs=[kind, csv_mode], outputs=[text, picked])
        for event in (kind.change, csv_mode.change):
            event(fn=show, inputs=[kind, text, picked, csv_mode], outputs=[fill, text, picked])

    def _set_infotext_fields(self, axes: list[tuple]) -> None:
        self.infotext_fields = []
        for name, (kind, text, picked, _) in zip("XYZ", axes, strict=True):
            key = f"{name} Values"
            self.infotext_fields += [
                (kind, f"{name} Type"),
                (text, key),
                (picked, lambda params, key=key: gr.update(value=csv_string_to_list_strip(params.get(key, "")))),
            ]

    def run(self, p: Any, *args: Any) -> Processed:
        axes, rest = [args[0:3], args[3:6], args[6:9]], args[9:]
        draw_legend, lone, sub_grids, no_fixed_seeds, vary_x, vary_y, vary_z, margin, csv_mode = rest
        options = [self.current_axis_options[axis[0] or 0] for axis in axes]
        if not no_fixed_seeds:
            processing.fix_seed(p)
        if not opts.return_grid:
            p.batch_size = 1
        values = [xyz_values.read_axis(p, option, axis[1], axis[2], csv_mode)
                  for option, axis in zip(options, axes, strict=True)]
        if not no_fixed_seeds:
            values = [xyz_values.fixed_seeds(option, v) for option, v in zip(options, values, strict=True)]
        texts = [list_to_csv_string(axis[2] or []) if option.choices is not None and not csv_mode else axis[1]
                 for option, axis in zip(options, axes, strict=True)]
        plot = _Plot(p, options, values, texts, (vary_x, vary_y, vary_z), not no_fixed_seeds)
        return plot.paint(draw_legend, margin, lone, sub_grids)


class _Plot:
    """One run of the script."""

    def __init__(self, p: Any, options: list[AxisOption], values: list[list], texts: list[str],
                 vary: tuple[bool, bool, bool], seeds_are_fixed: bool) -> None:
        self.p, self.options, self.values, self.texts = p, options, values, texts
        self.vary, self.seeds_are_fixed = vary, seeds_are_fixed
        self.sizes = [len(v) for v in values]
        self.grid_infotexts: list[str | None] = [None] * (1 + self.sizes[2])
        for name, option, v in zip("xyz", options, values, strict=True):
            setattr(state, f"xyz_plot_{name}", AxisInfo(option, v))

    def _check(self) -> None:
        empty = next((o.label for o, size in zip(self.options, self.sizes, strict=True) if size == 0), None)
        if empty is not None:
            raise ValueError(f"X/Y/Z plot: the axis \"{empty}\" has no values")
        megapixels = round(self.sizes[0] * self.sizes[1] * self.sizes[2] * self.p.width * self.p.height / 1e6)
        assert megapixels < opts.img_max_size_mp, (
            f"the plot would have {megapixels} megapixels, more than the {opts.img_max_size_mp} that settings allow"
        )

    def _seed_offset(self, ix: int, iy: int, iz: int) -> int:
        x_step = self.sizes[0] if self.vary[0] else 1
        y_step = self.sizes[1] if self.vary[1] else 1
        steps = (1, x_step, x_step * y_step)
        return sum(i * step for i, step, on in zip((ix, iy, iz), steps, self.vary, strict=True) if on)

    def cell(self, ix: int, iy: int, iz: int) -> Processed:
        """Paint one cell; an error is shown and leaves the cell empty."""
        if state.interrupted or state.stopping_generation:
            return Processed(self.p, [], self.p.seed, "")
        job = copy(self.p)
        job.styles, job.override_settings = job.styles[:], dict(job.override_settings)
        for option, values, index in zip(self.options, self.values, (ix, iy, iz), strict=True):
            option.apply(job, values[index], values)
        job.seed += self._seed_offset(ix, iy, iz)
        try:
            result = process_images(job)
        except Exception as e:
            errors.display(e, "generating image for xyz plot")
            return Processed(self.p, [], self.p.seed, "")
        if ix == iy == 0:
            self._describe(job, iz)
        return result

    def _describe(self, job: Any, iz: int) -> None:
        """Infotext of the grid with this z and, for the first, of the whole plot."""
        params = job.extra_generation_params = {**job.extra_generation_params, "Script": "X/Y/Z plot"}

        def text(axes: range) -> str:
            for a in axes:
                self._describe_axis(params, a)
            return processing.create_infotext(job, job.all_prompts, job.all_seeds, job.all_subseeds)

        self.grid_infotexts[1 + iz] = text(range(2))
        if iz == 0:
            self.grid_infotexts[0] = text(range(2, 3))

    def _describe_axis(self, params: dict[str, Any], a: int) -> None:
        option, name = self.options[a], "XYZ"[a]
        if option.label == "Nothing":
            return
        params[f"{name} Type"], params[f"{name} Values"] = option.label, self.texts[a]
        if option.label in xyz_values.SEED_LABELS and self.seeds_are_fixed:
            params[f"Fixed {name} Values"] = ", ".join(map(str, self.values[a]))

    def paint(self, draw_legend: bool, margin: int, lone: bool, sub_grids: bool) -> Processed:
        self._check()
        count = self.sizes[0] * self.sizes[1] * self.sizes[2]
        print(f"X/Y/Z plot will create {count * self.p.n_iter * self.p.batch_size} images on {self.sizes[2]} grid(s) "
              f"of {self.sizes[0]}x{self.sizes[1]}.")
        labels = [[o.format_value(self.p, o, v) for v in values]
                  for o, values in zip(self.options, self.values, strict=True)]
        try:
            results = xyz_plot.paint_cells(self.p, self.sizes, [o.cost for o in self.options], self.cell)
        finally:
            # Cells may have switched model and VAE; the chosen ones come back once, not after every cell.
            sd_models.reload_model_weights()
            sd_vae.reload_vae_weights()
        plot = xyz_plot.collect(self.p, results, labels, draw_legend, margin)
        return Processed(self.p, []) if plot is None else self._finish(plot, lone, sub_grids)

    def _finish(self, plot: Processed, lone: bool, sub_grids: bool) -> Processed:
        """Save the grids and leave out what was not asked for."""
        grids = 1 + self.sizes[2]
        plot.infotexts[:grids] = [new or old for new, old in zip(self.grid_infotexts, plot.infotexts, strict=False)]
        if opts.grid_save:
            for g in range(grids if sub_grids and self.sizes[2] > 1 else 1):
                first = max(g - 1, 0)
                images.save_image(plot.images[g], self.p.outpath_grids, "xyz_grid", info=plot.infotexts[g],
                                  extension=opts.grid_format, prompt=plot.all_prompts[first],
                                  seed=plot.all_seeds[first], grid=True, p=plot)
        end = len(plot.images) if lone else grids
        kept = [0, *range(1 if sub_grids else grids, end)]
        plot.images, plot.infotexts = ([every[i] for i in kept] for every in (plot.images, plot.infotexts))
        # These two have no entry for the whole plot.
        described = kept[1:] or [1]
        plot.all_prompts, plot.all_seeds = ([every[i - 1] for i in described]
                                            for every in (plot.all_prompts, plot.all_seeds))
        return plot
