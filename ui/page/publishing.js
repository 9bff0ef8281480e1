/** What listeners are told of an episode: title, author, cover, chapters; and its files. */

import { ask, upload, urlOf } from "./ask.js";
import { chaptersOf, withHeading } from "./chapters.js";
import { edited } from "./checking.js";
import { clock, dialog, field, h, saveAs } from "./dom.js";
import { MASTERS, chooseMaster, isMixed } from "./mixing.js";
import { firstSigns } from "./names.js";
import { placeOf, rowOf, state, tell, titleOf, upToDate } from "./state.js";

const KINDS = [["mp3", "MP3"], ["m4a", "M4A"], ["m4b", "M4B, audiobook"], ["opus", "Opus"], ["flac", "FLAC"], ["page", "Transcript that plays"], ["archive", "Project with its sound"], ["all", "Everything (zip)"]];
const RATES = [[44100, "44.1 kHz"], [48000, "48 kHz"]];

/** As the server wants it. */
export const publicationNow = () => ({ ...state.publication, title: firstSigns(titleOf(), 200), chapters: chaptersOf(state.rows) });

/** Ask for a file and save it; resolves to what there is to tell. */
export async function download(kind) {
  const answer = await ask("download", { work: state.work, kind, title: titleOf(), publication: publicationNow() });
  if (answer.error) return { error: answer.error };
  saveAs(urlOf(answer.file), answer.name);
  const without = (answer.without || []).map((who) => `${who}'s voice is not in it: keep it with a record of consent first.`);
  return { told: [`${answer.name} is saved.`, ...without, ...(answer.report || []).map((line) => `ACX: ${line}`)].join(" ") };
}

/** The dialog. */
export function publish(root) {
  return dialog(root, "Publish", () => {
    const told = h("p", { role: "status" });
    const set = (key, value) => { state.publication = { ...state.publication, [key]: value }; edited(state.source); };
    const text = (key, label, props = {}) => {
      const input = h("input", { type: "text", maxlength: 200, value: state.publication[key] ?? "", ...props, onchange: () => set(key, props.type === "number" ? (input.value === "" ? null : Number(input.value)) : input.value) });
      return field(label, input);
    };
    const title = h("input", { type: "text", maxlength: 120, value: state.title, placeholder: titleOf(), onchange: () => { state.title = title.value; edited(state.source); tell("rows"); } });
    const choice = (label, options, value, take) => {
      const select = h("select", { onchange: () => take(select.value) }, ...options.map(([key, name]) => h("option", { value: key }, name)));
      select.value = value;
      return field(label, select);
    };
    const busy = async (act) => { told.textContent = "Writing…"; told.className = ""; const { error, told: done } = await act(); told.textContent = error || done; told.className = error ? "error" : ""; };
    const stale = !upToDate() || !isMixed();
    return [
      stale ? h("p", { class: "warning" }, "The script has changed since it was made; these files hold what was made.") : null,
      h("div", { class: "publish" }, field("Title", title), text("author", "Author"), text("show", "Show or album"), text("episode", "Episode", { type: "number", min: 0, max: 100000, step: 1 }),
        text("date", "Date, as 2026-01-31 or 2026", { pattern: "\\d{4}(-\\d\\d-\\d\\d)?" }), coverField(set, told),
        choice("Loudness", MASTERS, state.mix.master || "", chooseMaster),
        choice("Bit rate", [64, 96, 128, 160, 192, 256].map((kbps) => [kbps, `${kbps} kb/s`]), state.publication.bitrate_kbps, (value) => set("bitrate_kbps", Number(value))),
        choice("Sample rate", RATES, state.publication.sample_rate_hz, (value) => set("sample_rate_hz", Number(value)))),
      chapterList(),
      h("section", { class: "kinds" }, h("h3", {}, "Files"), h("div", { class: "choices" }, ...KINDS.map(([kind, label]) => h("button", { type: "button", class: "choice", onclick: () => busy(() => download(kind)) }, label)))),
      told,
    ].filter(Boolean);
  });
}

function coverField(set, told) {
  const name = h("span", { class: "fine" }, state.publication.cover ? "There is a cover." : "JPEG or PNG, best square, 1400 to 3000 pixels.");
  const file = h("input", { type: "file", accept: "image/jpeg,image/png", onchange: async () => {
    if (!file.files[0]) { set("cover", ""); name.textContent = "No cover."; return; }
    let answer;
    try {
      answer = await ask("bring_cover", { path: (await upload(file.files[0])).path });
    } catch {
      answer = { error: "The picture could not be sent; try again." };
    }
    if (answer.error) { told.textContent = answer.error; told.className = "error"; file.value = ""; return; }
    set("cover", answer.cover);
    name.textContent = `${file.files[0].name} is the cover.`;
  } });
  return h("label", { class: "field" }, h("span", {}, "Cover"), file, name);
}

/** Chapters by their turns; each begins with one, and its name is a comment line `## …` above it. */
function chapterList() {
  const list = h("ul", { class: "chapters" });
  const put = (id, title) => { const row = rowOf(id); row.note = withHeading(row.note, title); edited("rows", "chapter"); tell("rows"); draw(); };
  const where = h("select", { "aria-label": "Turn that begins the chapter" }, ...state.rows.map((row, n) => h("option", { value: row.id }, `${n + 1}. ${row.speaker}: ${row.text.slice(0, 40)}`)));
  const title = h("input", { type: "text", maxlength: 200, "aria-label": "Title of the chapter", placeholder: "Title of the chapter" });
  const add = h("button", { type: "button", class: "quiet", onclick: () => { if (!title.value.trim()) { title.focus(); return; } put(where.value, title.value); title.value = ""; } }, "Add the chapter");
  const draw = () => list.replaceChildren(...chaptersOf(state.rows).map((chapter) => {
    const at = state.result?.turns.find((turn) => turn.row === chapter.row)?.start;
    return h("li", {}, `${at === undefined ? `turn ${placeOf(chapter.row) + 1}` : clock(at)} ${chapter.title}`, h("button", { type: "button", class: "quiet", "aria-label": `Remove the chapter ${chapter.title}`, onclick: () => put(chapter.row, "") }, "Remove"));
  }));
  draw();
  return h("section", { class: "kinds" }, h("h3", {}, "Chapters"), list, h("div", { class: "chapter-new" }, where, title, add));
}
