"""What was measured of a galaxy's picture."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from galaxies.ml.measures import FLAGS, UNITS
from galaxies.models.galaxy import Galaxy


class Measurement(models.Model):
    """What statmorph and photutils measured on a galaxy's picture: galaxies.ml.measurements.UNITS says in what units.

    galaxies.measuring writes it, some time after the galaxy was made. Values are null where they could not be measured.
    """

    galaxy = models.OneToOneField(Galaxy, verbose_name=_("galaxy"), on_delete=models.CASCADE, primary_key=True)
    axis_ratio = models.FloatField(_("axis ratio"), null=True)
    position_angle = models.FloatField(_("position angle"), null=True)
    half_light = models.FloatField(_("half-light radius"), null=True)
    half_light_share = models.FloatField(_("half-light radius, share of the picture"), null=True)
    concentration = models.FloatField(_("concentration"), null=True)
    asymmetry = models.FloatField(_("asymmetry"), null=True)
    smoothness = models.FloatField(_("smoothness"), null=True)
    gini = models.FloatField(_("Gini coefficient"), null=True)
    m20 = models.FloatField(_("M20"), null=True)
    sersic = models.FloatField(_("Sérsic index"), null=True)
    brightness = models.FloatField(_("brightness"), null=True)
    blue_green = models.FloatField(_("blue to green"), null=True)
    green_red = models.FloatField(_("green to red"), null=True)
    flag = models.PositiveSmallIntegerField(
        _("flag"), help_text=_("statmorph's: 0 good, 1 suspect, 2 bad, 4 nothing to measure.")
    )
    sersic_flag = models.PositiveSmallIntegerField(
        _("flag of the Sersic fit"), help_text=_("The same, of the Sersic fit.")
    )
    colour = models.GeneratedField(
        verbose_name=_("colour"),
        expression=models.F("blue_green") + models.F("green_red"),
        output_field=models.FloatField(null=True),
        db_persist=True,
    )

    def __str__(self) -> str:
        return f"measurement of {self.galaxy_id}"

    def row(self) -> dict[str, float | int | None]:
        """Return values and flags by name, as catalogues and FITS headers have them."""
        return {name: getattr(self, name) for name in (*UNITS, *FLAGS)}


def measures_of(galaxy: Galaxy) -> dict[str, float | int | None]:
    """Return a galaxy's measured values and flags by name; {} before it is measured."""
    measurement: Measurement | None = getattr(galaxy, "measurement", None)  # a query unless it was prefetched
    return measurement.row() if measurement else {}
