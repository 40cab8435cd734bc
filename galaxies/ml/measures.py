"""The values that are measured of a galaxy, by their names: `galaxies.ml.measurements` measures them."""

# name -> unit and meaning
UNITS = {
    "axis_ratio": "b/a, 1 is round",
    "position_angle": "degrees from up, counter-clockwise, 0 to 180",
    "half_light": "half-light radius in px",
    "half_light_share": "half-light radius as a share of the side",
    "concentration": "5 log10(r80 / r20)",
    "asymmetry": "share of the light",
    "smoothness": "share of the light",
    "gini": "0 to 1",
    "m20": "log10",
    "sersic": "Sersic index n",
    "brightness": "mean grey level above the sky inside the half-light radius",
    "blue_green": "magnitudes of the displayed image",
    "green_red": "magnitudes of the displayed image",
}
FLAGS = ("flag", "sersic_flag")
