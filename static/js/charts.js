// Draws each chart from the table beside it: a chart has no numbers of its own, so the two cannot differ.
// `data-table` names the table, `data-columns` which of its columns, `data-colours` the look's names for them.
import { byId } from "./shared/page.js";

// Three figures at most, as `compact` in opportunities/wording/formats.py says them.
const short = (size) => {
  const whole = Math.round(size);
  if (whole < 1000) return `$${whole}`;
  const [unit, letter] = [[1e3, "K"], [1e6, "M"], [1e9, "B"]].find(([unit]) => whole < 999.5 * unit || unit === 1e9);
  const places = Math.max(0, 3 - String(Math.floor(whole / unit)).length);
  // Rounded as a whole number, because toFixed cuts a half that a float holds a little too low.
  return `$${Math.round((whole * 10 ** places) / unit) / 10 ** places}${letter}`;
};

export const compact = (value, unit) => {
  const size = Math.abs(value);
  const sign = value < 0 ? "\u2212" : "";
  if (unit === "percent") return `${sign}${Math.round(size * 100)}%`;
  if (unit !== "money") return sign + size.toLocaleString("en-US");
  return (Math.round(size) ? sign : "") + short(size);
};

// Colours live in reports.css. An element that has one says what it is now, in light or dark.
const paints = (light) => {
  const probe = document.createElement("i");
  document.body.append(probe);
  const paint = (name) => {
    probe.className = `probe probe-${name}${light ? " probe-light" : ""}`;
    return getComputedStyle(probe).color;
  };
  const names = "1 2 3 4 5 won lost level up down outline ink soft line ground".split(" ");
  const found = Object.fromEntries(names.map((name) => [name, paint(name)]));
  probe.remove();
  return found;
};

// Long names in two lines, rather than aslant.
const wrapped = (name) => {
  const words = name.split(" ");
  if (name.length < 10 || words.length < 2) return name;
  const half = Math.ceil(words.length / 2);
  return [words.slice(0, half).join(" "), words.slice(half).join(" ")];
};

const rows = (table) =>
  // What stands apart in the table (a dim row) would need another axis.
  [...table.tBodies[0].rows].filter((row) => !row.classList.contains("dim")).map((row) => ({
    name: (row.cells[0].querySelector("a") ?? row.cells[0].firstChild).textContent.trim(),
    level: "level" in row.dataset,
    link: row.querySelector("a")?.href,
    at: (column) => (row.cells[column].dataset.value === "" ? null : Number(row.cells[column].dataset.value)),
  }));

// The shortest bar has two pixels, so a zero that had a colour would look like something.
const shade = (value, colour) => (value ? colour : "transparent");

const waterfall = (lines, column, floor, paint) => {
  let at = 0;
  const bars = lines.map((line) => {
    const value = line.at(column);
    if (line.level) {
      at = value;
      return { span: [floor, value], colour: paint.level, value, end: at };
    }
    const before = at;
    at += value;
    return { span: [before, at], colour: value >= 0 ? paint.up : paint.down, value, end: at };
  });
  return [
    {
      data: bars.map((bar) => bar.span),
      backgroundColor: bars.map((bar) => shade(bar.value, bar.colour)),
      values: bars.map((bar) => bar.value),
      ends: bars.map((bar) => bar.end),
      signed: lines.map((line) => !line.level),
      borderRadius: 2,
      borderSkipped: false,
      minBarLength: 2,
      categoryPercentage: 0.75,
      barPercentage: 0.9,
    },
  ];
};

const series = (box, lines, paint) => {
  const { chart: kind, unit } = box.dataset;
  const labels = box.dataset.labels.split("|");
  const colours = box.dataset.colours.split(",");
  return box.dataset.columns.split(",").map((column, place) => {
    const colour = paint[colours[place]];
    const outlined = colours[place] === "outline";
    const data = lines.map((line) => line.at(Number(column)));
    const edge = outlined || kind === "line" ? colour : paint.ground;
    const fill = outlined ? "transparent" : colour;
    return {
      label: labels[place],
      data,
      unit,
      stack: kind === "stacked" ? (outlined ? "outline" : "sum") : undefined,
      grouped: kind !== "stacked",
      backgroundColor: kind === "line" ? fill : data.map((value) => shade(value, fill)),
      borderColor: kind === "line" ? edge : data.map((value) => shade(value, edge)),
      borderWidth: outlined ? 1.5 : kind === "line" ? 2 : 1,
      pointBackgroundColor: colour,
      pointRadius: 3,
      order: outlined ? 2 : 1,
      borderRadius: 2,
      maxBarThickness: 56,
      categoryPercentage: 0.8,
      spanGaps: false,
    };
  });
};

// Over each bar of a waterfall its figure, over each stack of money its sum, where there is room for it.
const figuresOf = (chart) => {
  const { unit } = chart.options;
  const [first] = chart.data.datasets;
  if (first?.values)
    return chart.getDatasetMeta(0).data.map((bar, place) => {
      const text = compact(first.values[place], unit);
      return { bar, text: first.signed[place] && first.values[place] > 0 ? `+${text}` : text };
    });
  if (unit !== "money") return [];
  const stack = chart.data.datasets.flatMap((set, place) => (set.stack === "sum" ? [place] : []));
  return chart.data.labels.flatMap((_, place) => {
    const sum = stack.reduce((whole, set) => whole + (chart.data.datasets[set].data[place] ?? 0), 0);
    const bars = stack.map((set) => chart.getDatasetMeta(set).data[place]);
    return sum ? [{ bar: bars.reduce((top, bar) => (bar.y < top.y ? bar : top)), text: compact(sum, unit) }] : [];
  });
};

const figures = {
  id: "figures",
  afterDatasetsDraw(chart) {
    const { ctx } = chart;
    ctx.save();
    ctx.font = "600 12px 'Inter Variable', sans-serif";
    ctx.textAlign = "center";
    ctx.fillStyle = chart.options.ink;
    const told = figuresOf(chart);
    const room = chart.chartArea.width / Math.max(chart.data.labels.length, 1);
    for (const { bar, text } of told)
      if (ctx.measureText(text).width <= room) ctx.fillText(text, bar.x, Math.min(bar.y, bar.base) - 6);
    ctx.restore();
  },
};

// From the end of each step of a waterfall to the beginning of the next.
const bridges = {
  id: "bridges",
  beforeDatasetsDraw(chart) {
    const ends = chart.data.datasets[0]?.ends;
    if (!ends) return;
    const { ctx } = chart;
    const bars = chart.getDatasetMeta(0).data;
    ctx.save();
    ctx.strokeStyle = chart.options.soft;
    ctx.setLineDash([2, 2]);
    ctx.beginPath();
    bars.slice(0, -1).forEach((bar, place) => {
      const next = bars[place + 1];
      const height = chart.scales.y.getPixelForValue(ends[place]);
      ctx.moveTo(bar.x + bar.width / 2, height);
      ctx.lineTo(next.x - next.width / 2, height);
    });
    ctx.stroke();
    ctx.restore();
  },
};

const drawn = new Map();

const draw = (box, light = false) => {
  const table = byId(box.dataset.table);
  if (!table) return;
  const paint = paints(light);
  const lines = rows(table);
  const { chart: kind, unit } = box.dataset;
  const floor = Number(box.dataset.floor);
  const datasets =
    kind === "waterfall"
      ? waterfall(lines, Number(box.dataset.columns.split(",")[0]), floor, paint)
      : series(box, lines, paint);
  drawn.get(box)?.destroy();
  const text = { color: paint.soft, font: { family: "'Inter Variable', sans-serif", size: 12 } };
  drawn.set(
    box,
    new Chart(box.querySelector("canvas"), {
      type: kind === "line" ? "line" : "bar",
      data: { labels: lines.map((line) => wrapped(line.name)), datasets },
      plugins: [bridges, figures],
      options: {
        animation: false,
        responsive: true,
        maintainAspectRatio: false,
        ink: paint.ink,
        soft: paint.soft,
        unit,
        layout: { padding: { top: 18 } },
        interaction: { mode: "index", intersect: false },
        // A bar leads where its row in the table does; by keyboard one goes there.
        onClick: (_, [bar]) => bar && lines[bar.index].link && location.assign(lines[bar.index].link),
        onHover: ({ native }, [bar]) => (native.target.style.cursor = bar && lines[bar.index].link ? "pointer" : ""),
        scales: {
          x: { stacked: kind === "stacked", grid: { display: false }, border: { color: paint.soft }, ticks: { ...text, maxRotation: 0, autoSkip: false } },
          y: {
            stacked: kind === "stacked",
            min: floor || undefined,
            beginAtZero: !floor,
            grid: { color: paint.line },
            border: { display: false },
            ticks: { ...text, maxTicksLimit: 6, precision: unit === "count" ? 0 : undefined, callback: (value) => compact(value, unit) },
          },
        },
        plugins: {
          legend: { display: false },
          tooltip: {
            callbacks: {
              label: (item) => {
                const value = item.dataset.values ? item.dataset.values[item.dataIndex] : item.raw;
                const words = value === null ? "none" : compact(value, unit);
                return item.dataset.label ? `${item.dataset.label}: ${words}` : words;
              },
            },
          },
        },
      },
    }),
  );
  box.classList.add("is-drawn");
};

const boxes = [...document.querySelectorAll("[data-chart]")];
const all = (light) => boxes.forEach((box) => draw(box, light));
// Letters on a canvas do not change when the font arrives later.
document.fonts.ready.then(() => all(false));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => all(false));
// Paper is white whatever the screen is.
window.addEventListener("beforeprint", () => all(true));
window.addEventListener("afterprint", () => all(false));
document.querySelector("[data-print]")?.addEventListener("click", () => window.print());
