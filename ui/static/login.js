// Signing in looks as the page behind it does.
const wanted = localStorage.getItem("reshoot.theme");
const dark = wanted ? wanted === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
document.documentElement.classList.toggle("dark", dark);
