# Written by `make stubs`; do not edit.
from os import PathLike
from typing import Any

from unlabeled import cli as cli
from unlabeled import data as data
from unlabeled import encoders as encoders
from unlabeled import evaluation as evaluation
from unlabeled import explore as explore
from unlabeled import kernels as kernels
from unlabeled import losses as losses
from unlabeled import methods as methods
from unlabeled import modalities as modalities
from unlabeled import runs as runs
from unlabeled import search as search
from unlabeled import training as training
from unlabeled import views as views
from unlabeled.data.image.images import Images as Images
from unlabeled.data.text.documents import Documents as Documents
from unlabeled.data.text.indexing.corpus import Corpus as Corpus
from unlabeled.data.vectors import Vectors as Vectors
from unlabeled.evaluation.objects.detector import Detector as Detector
from unlabeled.methods.contrastive.cpc import CPC as CPC
from unlabeled.methods.contrastive.cross_encoder import CrossEncoder as CrossEncoder
from unlabeled.methods.contrastive.instance_discrimination import InstanceDiscrimination as InstanceDiscrimination
from unlabeled.methods.contrastive.moco import MoCo as MoCo
from unlabeled.methods.contrastive.siamese_network import SiameseNetwork as SiameseNetwork
from unlabeled.methods.contrastive.simclr import SimCLR as SimCLR
from unlabeled.methods.contrastive.simcse import SimCSE as SimCSE
from unlabeled.methods.contrastive.sup_con import SupCon as SupCon
from unlabeled.methods.contrastive.triplet_network import TripletNetwork as TripletNetwork
from unlabeled.methods.crossmodal.clip import CLIP as CLIP
from unlabeled.methods.fewlabels.co_training import CoTraining as CoTraining
from unlabeled.methods.fewlabels.consistency.entropy_minimisation import EntropyMinimisation as EntropyMinimisation
from unlabeled.methods.fewlabels.consistency.fix_match import FixMatch as FixMatch
from unlabeled.methods.fewlabels.consistency.flex_match import FlexMatch as FlexMatch
from unlabeled.methods.fewlabels.consistency.free_match import FreeMatch as FreeMatch
from unlabeled.methods.fewlabels.consistency.mean_teacher import MeanTeacher as MeanTeacher
from unlabeled.methods.fewlabels.consistency.mix_match import MixMatch as MixMatch
from unlabeled.methods.fewlabels.consistency.supervised import Supervised as Supervised
from unlabeled.methods.fewlabels.distillation import Distillation as Distillation
from unlabeled.methods.fewlabels.fine_tuning import FineTuning as FineTuning
from unlabeled.methods.fewlabels.graph.label_propagation import LabelPropagation as LabelPropagation
from unlabeled.methods.fewlabels.graph.label_spreading import LabelSpreading as LabelSpreading
from unlabeled.methods.fewlabels.graph.poisson_learning import PoissonLearning as PoissonLearning
from unlabeled.methods.fewlabels.self_training import SelfTraining as SelfTraining
from unlabeled.methods.fewlabels.semi_supervised_em import SemiSupervisedEM as SemiSupervisedEM
from unlabeled.methods.fewlabels.set_fit import SetFit as SetFit
from unlabeled.methods.fewlabels.softmax_regression import SoftmaxRegression as SoftmaxRegression
from unlabeled.methods.generative.autoencoder import Autoencoder as Autoencoder
from unlabeled.methods.generative.deep_image_prior import DeepImagePrior as DeepImagePrior
from unlabeled.methods.generative.denoising_autoencoder import DenoisingAutoencoder as DenoisingAutoencoder
from unlabeled.methods.generative.gan import GAN as GAN
from unlabeled.methods.generative.masked_autoencoder import MaskedAutoencoder as MaskedAutoencoder
from unlabeled.methods.generative.variational_autoencoder import VariationalAutoencoder as VariationalAutoencoder
from unlabeled.methods.language.bert import BERT as BERT
from unlabeled.methods.language.elmo import ELMo as ELMo
from unlabeled.methods.language.gpt import GPT as GPT
from unlabeled.methods.language.noisy_text_restoration import NoisyTextRestoration as NoisyTextRestoration
from unlabeled.methods.mixture.elbow import elbow as elbow
from unlabeled.methods.mixture.expectation_maximisation import expectation_maximisation as expectation_maximisation
from unlabeled.methods.mixture.gaussian_mixture import GaussianMixture as GaussianMixture
from unlabeled.methods.mixture.gaussian_outliers import GaussianOutliers as GaussianOutliers
from unlabeled.methods.mixture.k_means import KMeans as KMeans
from unlabeled.methods.mixture.latent_dirichlet_allocation import LatentDirichletAllocation as LatentDirichletAllocation
from unlabeled.methods.mixture.merge_clusters import merge_clusters as merge_clusters
from unlabeled.methods.mixture.mini_batch_k_means import MiniBatchKMeans as MiniBatchKMeans
from unlabeled.methods.mixture.mixed_mixture import MixedMixture as MixedMixture
from unlabeled.methods.mixture.plsa import PLSA as PLSA
from unlabeled.methods.noncontrastive.barlow_twins import BarlowTwins as BarlowTwins
from unlabeled.methods.noncontrastive.byol import BYOL as BYOL
from unlabeled.methods.noncontrastive.dino import DINO as DINO
from unlabeled.methods.noncontrastive.sim_siam import SimSiam as SimSiam
from unlabeled.methods.noncontrastive.swav import SwAV as SwAV
from unlabeled.methods.noncontrastive.vicreg import VICReg as VICReg
from unlabeled.methods.pretext.colorization import Colorization as Colorization
from unlabeled.methods.pretext.deblurring import Deblurring as Deblurring
from unlabeled.methods.pretext.exemplar import Exemplar as Exemplar
from unlabeled.methods.pretext.inpainting import Inpainting as Inpainting
from unlabeled.methods.pretext.jigsaw import Jigsaw as Jigsaw
from unlabeled.methods.pretext.relative_position import RelativePosition as RelativePosition
from unlabeled.methods.pretext.rotation import Rotation as Rotation
from unlabeled.methods.pretext.super_resolution import SuperResolution as SuperResolution
from unlabeled.methods.video.arrow_of_time import ArrowOfTime as ArrowOfTime
from unlabeled.methods.video.frame_order import FrameOrder as FrameOrder
from unlabeled.methods.video.future_prediction import FuturePrediction as FuturePrediction
from unlabeled.methods.video.tracking_by_colorization import TrackingByColorization as TrackingByColorization
from unlabeled.methods.words.cbow import CBOW as CBOW
from unlabeled.methods.words.counting.cooccurrence import cooccurrence as cooccurrence
from unlabeled.methods.words.glove import GloVe as GloVe
from unlabeled.methods.words.one_hot import OneHot as OneHot
from unlabeled.methods.words.phrases import Phrases as Phrases
from unlabeled.methods.words.prediction.conditional_probabilities import (
    conditional_probabilities as conditional_probabilities,
)
from unlabeled.methods.words.sentence_vectors import SentenceVectors as SentenceVectors
from unlabeled.methods.words.skip_gram import SkipGram as SkipGram
from unlabeled.methods.words.word_vectors import WordVectors as WordVectors
from unlabeled.runs.compare import compare as compare
from unlabeled.runs.labelling.label_dataset import label_dataset as label_dataset
from unlabeled.runs.run import Run as Run
from unlabeled.search.neighbour_graph import NeighbourGraph as NeighbourGraph

__version__: str

def load(path: str | PathLike[str]) -> Any: ...
