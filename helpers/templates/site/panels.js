// Panels of a page without a kernel. The states of a panel's grid were worked out beforehand and
// lie, packed, in a file of its own: a script, since a page opened from a folder may fetch no other
// kind of file.
"use strict";

// What a file of states calls.
const arrived = new Map();
const trialByNotebook = (id, packed) => arrived.get(id)(packed);

const fetched = (id) =>
  new Promise((resolve, reject) => {
    arrived.set(id, resolve);
    const script = document.createElement("script");
    script.src = `states/${id}.js`;
    script.onerror = () => reject(new Error(`The file ${script.src} is missing.`));
    document.head.append(script);
  });

const unpacked = async (packed) => {
  const bytes = Uint8Array.from(atob(packed), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).json();
};

const base64 = (text) => {
  let letters = "";
  for (const byte of new TextEncoder().encode(text)) letters += String.fromCharCode(byte);
  return btoa(letters);
};

// The HTML of a state, put together from the lines that it shares with others.
const outcome = (content, state) => {
  const text = (numbers) => numbers.map((number) => content.lines[number]).join("\n");
  return text(state).replace(
    /(data:image\/svg\+xml;base64,)(\d+)(?=")/g,
    (_, start, number) => start + base64(text(content.drawings[number])),
  );
};

class Control {
  constructor(element, changed) {
    this.name = element.dataset.name;
    this.stops = JSON.parse(element.dataset.stops);
    this.start = Number(element.dataset.start);
    this.kind = element.dataset.kind;
    this.slider = element.querySelector("[type=range]");
    this.list = element.querySelector("select");
    this.box = element.querySelector("[type=number], [type=text]");
    this.tick = element.querySelector("[type=checkbox]");
    const moved = (value) => {
      this.show(value);
      changed();
    };
    this.slider?.addEventListener("input", () => moved(this.stops[this.slider.value]));
    this.tick?.addEventListener("change", () => moved(this.tick.checked));
    this.list?.addEventListener("change", () =>
      moved(this.list.value < 0 ? this.box.value : this.stops[this.list.value]),
    );
    this.box?.addEventListener("change", () => moved(this.typed()));
    this.show(this.stops[this.start]);
  }

  // As in the lab, a number stays within its ends, and what is no number changes nothing.
  typed() {
    if (this.kind === "text") return this.box.value.trim();
    const { min, max, step, valueAsNumber } = this.box;
    if (Number.isNaN(valueAsNumber)) return this.value;
    const within = Math.min(Math.max(valueAsNumber, min), max);
    return Number(Number(step) === 1 ? Math.round(within) : within);
  }

  show(value) {
    this.value = value;
    const stop = this.stop();
    if (this.tick) this.tick.checked = value;
    if (this.box) this.box.value = value;
    if (this.list) this.list.value = stop;
    if (this.slider) {
      const away = this.stops.map((each) => Math.abs(each - value));
      this.slider.value = away.indexOf(Math.min(...away));
      this.slider.setAttribute("aria-valuetext", value);
    }
  }

  // The number of the stop that it stands at; -1 between stops.
  stop() {
    if (typeof this.value !== "number") return this.stops.indexOf(this.value);
    return this.stops.findIndex((each) => Math.abs(each - this.value) < 1e-9);
  }
}

const shownInPython = (value) => {
  if (typeof value === "boolean") return value ? "True" : "False";
  return typeof value === "string" ? JSON.stringify(value) : String(value);
};

const enliven = (panel) => {
  const find = (selector) => panel.querySelector(selector);
  const form = find("form");
  const shown = find(".tbn-shown");
  const message = find(".tbn-message");
  let content = null;
  const load = () => (content ??= fetched(panel.id).then(unpacked));

  const refuse = (what, why, link) => {
    const strong = document.createElement("b");
    strong.textContent = what;
    message.replaceChildren(strong, ` ${why}`);
    if (link) message.append(link, ".");
    message.append(" Below stands the last outcome that was.");
  };

  const needsTheLab = () => {
    const moved = controls.filter((each) => each.value !== each.stops[each.start]);
    const set = moved.map((each) => `${each.name} = ${shownInPython(each.value)}`).join(", ");
    const link = document.createElement("a");
    link.href = panel.dataset.lab;
    link.textContent = "open this lesson there";
    const lab = panel.dataset.lab ? link : null;
    refuse("Not worked out on this page.", `It needs the lab, with ${set}${lab ? ": " : "."}`, lab);
  };

  const update = async () => {
    let states;
    try {
      states = await load();
    } catch (error) {
      content = null;
      refuse("This panel doesn't move.", error.message);
      return;
    }
    // What stands now, which may have moved on while the states arrived.
    const state = states.states[controls.map((each) => each.stop()).join()];
    if (state === undefined) needsTheLab();
    else if (typeof state === "string") refuse("Not possible.", `${state}.`);
    else {
      message.replaceChildren();
      shown.innerHTML = outcome(states, state);
      find(".tbn-announced").textContent = shown.querySelector(".tbn-summary").textContent;
    }
  };

  const controls = [...panel.querySelectorAll(".tbn-control")].map(
    (element) => new Control(element, update),
  );
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", (event) => {
    event.preventDefault();
    for (const each of controls) each.show(each.stops[each.start]);
    update();
  });
  form.addEventListener("focusin", load, { once: true });
  find(".tbn-settings").hidden = true;
  form.hidden = false;
};

document.querySelectorAll(".tbn-panel").forEach(enliven);
