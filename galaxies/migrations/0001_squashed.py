import django.core.validators
import django.db.models.deletion
import django.utils.timezone
import galaxies.models
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    replaces = [('galaxies', '0001_initial'), ('galaxies', '0002_staff'), ('galaxies', '0003_fill_tallies'), ('galaxies', '0004_history_indexes'), ('galaxies', '0005_moved_tasks')]

    dependencies = [
        ('django_tasks_database', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='ModelVersion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('version', models.CharField(max_length=64, unique=True, validators=[django.core.validators.RegexValidator('\\A[A-Za-z0-9][A-Za-z0-9._-]*\\Z', 'Use letters, digits, dots, dashes.')])),
                ('is_active', models.BooleanField(default=False, editable=False)),
                ('trained', models.CharField(blank=True, help_text='When the bundle was written, as it says itself.', max_length=40)),
                ('registered', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('n_clusters', models.PositiveSmallIntegerField()),
                ('resolution', models.PositiveSmallIntegerField()),
                ('families', models.JSONField(default=list, help_text='id, name, sentence, share and exemplar files of each cluster.')),
                ('credit', models.TextField(blank=True, help_text='Whose images the model learned from.')),
                ('checksum', models.CharField(help_text='sha256 of the manifest, which has those of all other files.', max_length=64)),
            ],
            options={
                'ordering': ['-registered'],
                'constraints': [models.UniqueConstraint(condition=models.Q(('is_active', True)), fields=('is_active',), name='one_active_model_version')],
            },
        ),
        migrations.CreateModel(
            name='Galaxy',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(default=galaxies.models.new_public_id, editable=False, max_length=11, unique=True)),
                ('cluster', models.PositiveSmallIntegerField()),
                ('seed', models.BigIntegerField()),
                ('psi', models.FloatField(verbose_name='variety')),
                ('cluster2', models.PositiveSmallIntegerField(blank=True, null=True)),
                ('seed2', models.BigIntegerField(blank=True, null=True)),
                ('mix', models.FloatField(blank=True, help_text='0 is the first recipe alone, 1 the second.', null=True)),
                ('created', models.DateTimeField(db_index=True, default=django.utils.timezone.now, editable=False)),
                ('image', models.FileField(upload_to=galaxies.models.image_path)),
                ('published', models.BooleanField(default=False, editable=False, help_text='Its maker wants it in the gallery.')),
                ('likes', models.PositiveIntegerField(default=0, editable=False)),
                ('dislikes', models.PositiveIntegerField(default=0, editable=False)),
                ('score', models.FloatField(default=0.0, editable=False, help_text='wilson_lower_bound of its votes.')),
                ('listed', models.GeneratedField(db_persist=True, expression=models.Q(('published', True), ('likes__gt', 0), _connector='OR'), output_field=models.BooleanField())),
                ('creator', models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='galaxies', to=settings.AUTH_USER_MODEL)),
                # Without an index from the beginning: PostgreSQL makes one that is dropped in the same migration all the same.
                ('model_version', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='galaxies', to='galaxies.modelversion')),
            ],
            options={
                'verbose_name_plural': 'galaxies',
                'ordering': ['-created', '-id'],
            },
        ),
        migrations.CreateModel(
            name='Vote',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('value', models.CharField(choices=[('like', 'Like'), ('dislike', 'Dislike')], max_length=7)),
                ('created', models.DateTimeField(default=django.utils.timezone.now, editable=False, help_text='When it was cast or changed.')),
                ('galaxy', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='votes', to='galaxies.galaxy')),
                ('person', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='votes', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['-created', '-id'],
            },
        ),
        migrations.AddIndex(
            model_name='galaxy',
            index=models.Index(fields=['creator', '-created', '-id'], name='galaxy_made'),
        ),
        migrations.AddIndex(
            model_name='galaxy',
            index=models.Index(condition=models.Q(('listed', True)), fields=['-created', '-id'], name='galaxy_new'),
        ),
        migrations.AddIndex(
            model_name='galaxy',
            index=models.Index(condition=models.Q(('listed', True)), fields=['-score', '-id'], name='galaxy_best'),
        ),
        migrations.AddIndex(
            model_name='galaxy',
            index=models.Index(condition=models.Q(('listed', True)), fields=['cluster', '-created', '-id'], name='galaxy_family_new'),
        ),
        migrations.AddIndex(
            model_name='galaxy',
            index=models.Index(condition=models.Q(('listed', True)), fields=['cluster', '-score', '-id'], name='galaxy_family_best'),
        ),
        migrations.AddConstraint(
            model_name='galaxy',
            constraint=models.CheckConstraint(condition=models.Q(('seed__gte', 0)), name='galaxy_seed_not_negative'),
        ),
        migrations.AddConstraint(
            model_name='galaxy',
            constraint=models.CheckConstraint(condition=models.Q(('psi__gte', 0.3), ('psi__lte', 1.2)), name='galaxy_psi_in_range'),
        ),
        migrations.AddConstraint(
            model_name='galaxy',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('cluster2', None), ('mix', None), ('seed2', None)), models.Q(('cluster2__isnull', False), ('mix__gte', 0), ('mix__lte', 1), ('seed2__gte', 0)), _connector='OR'), name='galaxy_blend_whole_or_none'),
        ),
        migrations.AddIndex(
            model_name='vote',
            index=models.Index(fields=['person', 'value', '-created', '-id'], name='vote_by_person'),
        ),
        migrations.AddConstraint(
            model_name='vote',
            constraint=models.UniqueConstraint(fields=('person', 'galaxy'), name='one_vote_per_person_and_galaxy'),
        ),
        migrations.AddConstraint(
            model_name='vote',
            constraint=models.CheckConstraint(condition=models.Q(('value__in', ['like', 'dislike'])), name='vote_likes_or_dislikes'),
        ),
        migrations.AddField(
            model_name='modelversion',
            name='activated',
            field=models.DateTimeField(blank=True, editable=False, help_text='The last time it was.', null=True),
        ),
        migrations.AddField(
            model_name='modelversion',
            name='archived',
            field=models.BooleanField(default=False, editable=False, help_text='Kept for its galaxies, offered no more.'),
        ),
        migrations.AddField(
            model_name='modelversion',
            name='encoder_checksum',
            field=models.CharField(blank=True, help_text='sha256 of encoder.npz.', max_length=64),
        ),
        migrations.AddField(
            model_name='modelversion',
            name='metrics',
            field=models.JSONField(blank=True, help_text='What manage.py evaluate found: metrics.json.', null=True),
        ),
        migrations.AddField(
            model_name='modelversion',
            name='size',
            field=models.PositiveBigIntegerField(default=0, help_text='Bytes of all files together.'),
        ),
        migrations.CreateModel(
            name='Tally',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField()),
                ('cluster', models.PositiveSmallIntegerField()),
                ('generated', models.IntegerField(default=0)),
                ('likes', models.IntegerField(default=0)),
                ('dislikes', models.IntegerField(default=0)),
                ('model_version', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='tallies', to='galaxies.modelversion')),
            ],
            options={
                'verbose_name_plural': 'tallies',
                'constraints': [models.UniqueConstraint(fields=('day', 'model_version', 'cluster'), name='one_tally_per_day_and_family')],
            },
        ),
        migrations.CreateModel(
            name='TrainingRun',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(editable=False, max_length=100, unique=True)),
                ('options', models.JSONField(default=dict, help_text='galaxies.training.request.Options.')),
                ('state', models.CharField(choices=[('queued', 'Queued'), ('running', 'Running'), ('done', 'Done'), ('cancelled', 'Cancelled'), ('interrupted', 'Interrupted'), ('failed', 'Failed')], default='queued', max_length=11)),
                ('created', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('started', models.DateTimeField(blank=True, help_text='The last time that it was started or resumed.', null=True)),
                ('finished', models.DateTimeField(blank=True, null=True)),
                ('cancel_requested', models.BooleanField(default=False)),
                ('phase', models.CharField(blank=True, max_length=40)),
                ('images', models.PositiveBigIntegerField(default=0)),
                ('images_per_second', models.FloatField(default=0.0)),
                ('share', models.FloatField(default=0.0, help_text='Of the phase, 0 to 1.')),
                ('eta_seconds', models.FloatField(default=0.0, help_text='Of the phase.')),
                ('losses', models.JSONField(default=dict)),
                ('message', models.TextField(blank=True, help_text='Why it ended, in a sentence.')),
                ('model_version', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, to='galaxies.modelversion')),
                ('started_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['-created', '-id'],
                'constraints': [models.UniqueConstraint(models.Value(1), condition=models.Q(('state__in', ['queued', 'running'])), name='one_live_training_run')],
            },
        ),
        migrations.CreateModel(
            name='PreferenceModel',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('created', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('encoder_checksum', models.CharField(db_index=True, max_length=64)),
                ('n_votes', models.PositiveIntegerField()),
                ('n_galaxies', models.PositiveIntegerField()),
                ('auc', models.FloatField(help_text='Cross-validated, no galaxy on both sides; 0.5 is chance.', verbose_name='AUC')),
                ('coefficients', models.JSONField()),
                ('intercept', models.FloatField()),
            ],
            options={
                'ordering': ['-created', '-id'],
            },
        ),
        migrations.AddIndex(
            model_name='galaxy',
            index=models.Index(fields=['model_version', '-created', '-id'], name='galaxy_version'),
        ),
        migrations.AddIndex(
            model_name='galaxy',
            index=models.Index(fields=['model_version', 'cluster', '-created', '-id'], name='galaxy_version_family'),
        ),
        migrations.AddIndex(
            model_name='galaxy',
            index=models.Index(fields=['-likes', '-id'], name='galaxy_likes'),
        ),
        migrations.AddIndex(
            model_name='galaxy',
            index=models.Index(fields=['-dislikes', '-id'], name='galaxy_dislikes'),
        ),
    ]
