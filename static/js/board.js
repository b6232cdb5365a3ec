// The board without reloads: a move shows at once and comes back with a reason if it was refused; what colleagues do
// appears by itself, except under somebody's hands; more cards, filters and the form open in place. Every answer is the
// server's own markup. Each part listens for what is its own; imports lead from hands to moves to what is shown:
//
//   keyboard, dragging, menu  ->  moving, create_drawer  ->  live  ->  columns  ->  swapping  ->  comparing, busy, cards  ->  lanes
import "./board/create_drawer.js";
import "./board/dragging.js";
import "./board/keyboard.js";
import "./board/live.js";
import "./board/menu.js";
import "./board/moving.js";
import "./board/panels.js";
import "./board/swapping.js";
import "./board/windows.js";
