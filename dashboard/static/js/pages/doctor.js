import "../doctor.js";
