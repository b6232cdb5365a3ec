// Where things are on the board: its lanes, the cards in them, and what stages are called.
import { byId } from "../shared/page.js";

export const board = document.querySelector("[data-board]");
export const lanes = () => [...board.querySelectorAll(".lane")];
export const laneOf = (stage) => board.querySelector(`.lane[data-lane="${CSS.escape(stage)}"]`);
export const railOf = (stage) => board.querySelector(`[data-rail="${CSS.escape(stage)}"]`);
export const cardOf = (id) => board.querySelector(`.deal[data-opportunity="${CSS.escape(id)}"]`);
export const cardsIn = (lane) => [...lane.querySelectorAll(".deal")];
export const linkIn = (card) => card?.querySelector(".deal-name a");

// The menu names every stage of the pipeline, also those folded away.
const toldOf = (stage) => byId("move-menu").querySelector(`[data-to="${CSS.escape(stage)}"]`)?.dataset;
export const nameOf = (stage) => toldOf(stage)?.name ?? "";
export const meaningOf = (stage) => toldOf(stage)?.meaning;
