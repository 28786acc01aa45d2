/* Curves and clocks: the same as lib_vaeface/schedule/{curves,times}.py, which have the reasons. For schedule.js. */

(function() {
    "use strict";

    const FAR = 1e9, FOREVER = 2 ** 31 - 1;
    const number = (t) => t.unit === "?" ? 0 : Number(t.text); // of a time: {text, unit}
    const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

    /* Shapes of a transition (curves.py). */

    const EASING = {
        "linear": (u) => u,
        "smooth": (u) => u * u * (3 - 2 * u),
        "ease-in": (u) => u * u,
        "ease-out": (u) => u * (2 - u),
        "ease-in-out": (u) => u < 0.5 ? 4 * u ** 3 : 1 - 4 * (1 - u) ** 3,
        "sine": (u) => (1 - Math.cos(Math.PI * u)) / 2,
        "step": (u) => Number(u >= 1),
        "slerp": (u) => u,
    };
    const CURVES = Object.keys(EASING).concat("catmull", "bezier");

    function mix(curve, index, u, count, cyclic) {
        let found;
        if (curve === "catmull") {
            found = [-0.5 * u + u ** 2 - 0.5 * u ** 3, 1 - 2.5 * u ** 2 + 1.5 * u ** 3, 0.5 * u + 2 * u ** 2 - 1.5 * u ** 3,
                -0.5 * u ** 2 + 0.5 * u ** 3].map((share, i) => [index - 1 + i, share]);
        } else if (curve === "bezier") {
            found = bezier((index + u) / (count - 1), count);
        } else {
            const pace = EASING[curve || "linear"](u);
            found = [[index, 1 - pace], [index + 1, pace]];
        }
        const total = new Map();
        found.forEach(function([key, share]) {
            const at = cyclic ? (key % count + count) % count : clamp(key, 0, count - 1);
            total.set(at, (total.get(at) || 0) + share);
        });
        return Array.from(total).filter((one) => one[1] !== 0);
    }

    function bezier(u, count) {
        if (u <= 0 || u >= 1) return [[u <= 0 ? 0 : count - 1, 1]];
        const degree = count - 1, near = Math.log(u), far = Math.log1p(-u), shares = [];
        let binomial = 0, total = 0;
        for (let i = 0; i < count; i++) {
            const value = binomial + i * near + (degree - i) * far;
            if (value > -14) shares.push([i, Math.exp(value)]);
            binomial += Math.log((degree - i) / (i + 1));
        }
        shares.forEach((one) => { total += one[1]; });
        return shares.map(([i, share]) => [i, share / total]);
    }


    /* From numbers in a prompt to steps, from model calls to steps (times.py). */
    class Clock {
        constructor(steps, calls, base, old, exact) {
            Object.assign(this, {steps, calls, base, old, exact});
        }

        position(t) {
            let value = number(t);
            if (t.unit === "%") value = value * this.steps / 100;
            else if (this.old) value = value < 1 ? value * this.steps : value;
            else if (t.text.includes(".")) value = (value - (this.base === null ? 0 : 1)) * this.steps;
            else value -= this.base || 0;
            return clamp(value, -FAR, FAR);
        }

        whole(position) {
            return Math.min(this.steps, Math.trunc(this.exact ? position + 1e-9 : position));
        }

        hold(t) {
            const value = number(t), share = this.old ? value < 1 : t.text.includes(".");
            return clamp(t.unit === "%" ? value * this.steps / 100 : share ? value * this.steps : value, 1, FAR);
        }

        /* Left-out ones are spread evenly; the ends are the pass's, which are not among the times if `inner`. */
        positions(times, inner) {
            let known = times.map((t) => t.unit === "?" ? null : this.position(t));
            if (inner) known = [0].concat(known, this.steps);
            const last = known.length - 1;
            if (known[0] === null) known[0] = 0;
            if (known[last] === null) known[last] = this.steps;
            for (let i = 0, j = 1; j <= last; j++) {
                if (known[j] === null) continue;
                const start = known[i], end = known[j];
                for (let n = i + 1; n < j; n++) known[n] = start + (end - start) * (n - i) / (j - i);
                i = j;
            }
            return inner ? known.slice(1, -1) : known;
        }

        /* null: past the end, on the hosts' clock only. */
        step(call) {
            if (this.exact) return Math.min(Math.floor(Math.max(call, 0) * this.steps / this.calls) + 1, this.steps);
            return call <= this.steps ? Math.max(call, 1) : null;
        }

        lastCall(step) {
            if (!this.exact) return step;
            return step >= this.steps ? FOREVER : Math.ceil(step * this.calls / this.steps) - 1;
        }
    }

    globalThis.vaefaceClock = {CURVES, Clock, FAR, clamp, mix, number};
})();
