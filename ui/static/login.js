// Applies the user's light or dark mode to the login page.
const wanted = localStorage.getItem("reshoot.theme");
const dark = wanted ? wanted === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
document.documentElement.classList.toggle("dark", dark);
