// SPDX-License-Identifier: MIT
#include "libfiona/anonymize/vocabulary.h"

#include "libfiona/base/text.h"

#include <algorithm>
#include <array>
#include <unordered_set>

namespace fiona::anonymize {

namespace {

/// Values of BodyPartExamined that may stay (derived from PS3.16 Annex L), with blanks
/// or line ends between them.
constexpr std::string_view body_parts = R"(
 3RDVENTRICLE 4THVENTRICLE ABDOMEN ABDOMENPELVIS ABDOMINALAORTA ACA ACJOINT ADRENAL AMNIOTICFLUID 
 ANKLE ANTCARDIACV ANTCOMMA ANTECUBITALV ANTSPINALA ANTTIBIALA ANUSRECTUMSIGMD AORTA AORTICARCH 
 APPENDIX ARM ARTERY ASCAORTA ASCENDINGCOLON ATLANTOAXIAL ATLANTOOCCIPITAL AXILLA AXILLARYA 
 AXILLARYV AZYGOSVEIN BACK BASILARA BILEDUCT BILIARYTRACT BLADDER BLADDERURETHRA BODYPART 
 BRACHIALA BRACHIALV BRAIN BREAST BRONCHUS BULB BUTTOCK CALCANEUS CALF CAROTID CARPUS CCA CELIACA 
 CEPHALICV CEREBELLUM CEREBHEMISPHERE CEREBRALA CERVIX CFA CFV CHEEK CHEST CHESTABDOMEN 
 CHESTABDPELVIS CHOROIDPLEXUS CIRCLEOFWILLIS CLAVICLE COCCYX COLON COMILIACA COMILIACV 
 COMMONBILEDUCT CORNEA CORONARYARTERY CORONARYSINUS CSPINE CTSPINE CULDESAC DESCAORTA 
 DESCENDINGCOLON DIGIT DISTALPHALANX DUODENUM EAC EAR ECA ELBOW ENDOARTERIAL ENDOCARDIAC 
 ENDOESOPHAGEAL ENDOMETRIUM ENDONASAL ENDONASOPHARYNYX ENDORECTAL ENDORENAL ENDOURETERIC 
 ENDOURETHRAL ENDOVAGINAL ENDOVASCULAR ENDOVENOUS ENDOVESICAL EPIDIDYMIS EPIGASTRIC ESOPHAGUS 
 EXTILIACA EXTILIACV EXTJUGV EXTREMITY EYE EYELID FACE FACIALA FEMORALA FEMORALV FEMUR FETALARM 
 FETALDIGIT FETALHEART FETALLEG FETALPOLE FIBULA FINGER FLANK FONTANEL FOOT FOREARM FOREFETLOCK 
 FOREFOOT FORENAVICULAR FOREPASTERN FRONTALSINUS GALLBLADDER GASTRICV GENICULARA GESTSAC GLUTEAL 
 GSV HAND HEAD HEADNECK HEART HEPATICA HEPATICV HINDFETLOCK HINDFOOT HINDNAVICULAR HINDPASTERN 
 HIP HUMERUS HYPOGASTRIC HYPOPHARYNX IAC ICA ILEUM ILIACA ILIACV ILIUM INFMESA INFVENACAVA 
 INGUINAL INNOMINATEA INNOMINATEV INTILIACA INTJUGULARV INTMAMMARYA INTRACRANIAL JAW JEJUNUM 
 JOINT KIDNEY KNEE LACRIMALA LARGEINTESTINE LARYNX LATRIUM LATVENTRICLE LEG LEGS LFEMORALA 
 LHEPATICV LHYPOCHONDRIAC LINGUALA LINGUINAL LIVER LLQ LLUMBAR LOWERLEG LOWERLIMB LPORTALV 
 LPULMONARYA LSPINE LSSPINE LSUPPULMONARYV LUMBAR LUMBARA LUMEN LUNG LUQ LVENTRICLE MANDIBLE 
 MASTOID MAXILLA MCA MEDIASTINUM MESENTRICA MESENTRICV METACARPUS METATARSUS MIDHEPATICV 
 MORISONSPOUCH MOUTH NASOPHARYNX NECK NECKCHEST NECKCHESTABDOMEN NECKCHESTABDPELV NOSE OCCIPTALV 
 OCCPITALA OPHTHALMICA OPTICCANAL ORBIT OVARY PANCBILEDUCT PANCREAS PANCREATICDUCT PARASTERNAL 
 PARATHYROID PAROTID PATELLA PCA PELVIS PELVISLOWEXTREMT PENILEA PENIS PERINEUM PERONEALA PHANTOM 
 PHARYNX PHARYNXLARYNX PLACENTA POPLITEALA POPLITEALFOSSA POPLITEALV PORTALV POSCOMMA POSTIBIALA 
 PROFFEMA PROFFEMV PROSTATE PULMONARYA PULMONARYV RADIALA RADIUS RADIUSULNA RATRIUM RECTUM RENALA 
 RENALV RETROPERITONEUM RFEMORALA RHEPATICV RHYPOCHONDRIAC RIB RINGUINAL RLQ RLUMBAR RPORTALV 
 RPULMONARYA RSUPPULMONARYV RUQ RVENTRICLE SAPHENOUSV SCALP SCAPULA SCJOINT SCLERA SCROTUM SELLA 
 SEMVESICLE SESAMOID SFA SFJ SFV SHOULDER SIGMOID SIJOINT SKULL SMA SMALLINTESTINE SPINALCORD 
 SPINE SPLEEN SPLENICA SPLENICV SSPINE STERNUM STIFLE STOMACH SUBCLAVIANA SUBCLAVIANV SUBCOSTAL 
 SUBMANDIBULAR SUPRACLAVICULAR SUPRAPUBIC SUPTHYROIDA SVC TAIL TARSUS TESTIS THALAMUS THIGH 
 THORACICAORTA THORAX THUMB THYMUS THYROID TIBIA TIBIAFIBULA TLSPINE TMJ TOE TONGUE TRACHEA 
 TRACHEABRONCHUS TRANSVERSECOLON TSPINE UGITRACT ULNA ULNARA UMBILICAL UMBILICALA UMBILICALV 
 UPPERARM UPPERLIMB UPRURINARYTRACT URETER URETHRA URINARYTRACT UTERUS VAGINA VEIN VERTEBRALA 
 VULVA WHOLEBODY WING WRIST ZYGOMA 
)";

/// Words of the trade, folded.
constexpr std::string_view trade_words = R"(
 3rdventricle 4thventricle abdomen abdomenpelvis abdominal abdominalaorta aca acjoint acquisition 
 adc adrenal agfa amnioticfluid angio angiography ankle anonymized anonymous antcardiacv antcomma 
 antecubitalv antegrade anterior antspinala anttibiala anusrectumsigmd aorta aorticarch appendix 
 ar arm arterial artery ascaorta ascendingcolon atlantoaxial atlantooccipital au audio avdeling 
 average axial axilla axillarya axillaryv azygosvein back basilara bi bilateral bileduct 
 biliarytract biopsy bladder bladderurethra body bodypart bone brachiala brachialv brain breast 
 bronchus bruker bulb buttock bypass calcaneus calf calibration canon cardiac carestream carotid 
 carpus cca cd celiaca center centre cephalicv cerebellum cerebhemisphere cerebral cerebrala 
 cervical cervix cfa cfv cheek chest chestabdomen chestabdpelvis choroidplexus cine 
 circleofwillis clavicle clinic clinical coccyx college collimated colon color colour columna 
 comiliaca comiliacv common commonbileduct comparison contrast cornea coronal coronary 
 coronaryartery coronarysinus corporation cr cranium created cspine ct ctspine culdesac curve dd 
 default delayed dental department derived descaorta descendingcolon dg diastolic diffusion digit 
 digital distalphalanx dixon doc doctor dose duodenum dx dynamic eac ear eca ecg echo elbow 
 elekta emergency endoarterial endocardiac endoesophageal endometrium endonasal endonasopharynyx 
 endorectal endorenal endoureteric endourethral endovaginal endovascular endovenous endovesical 
 enhanced enhet epididymis epigastric eps es esaote esophagus exam examination exposure external 
 extiliaca extiliacv extjugv extremity eye eyelid face faciala fast fat femorala femoralv femur 
 fetalarm fetaldigit fetalheart fetalleg fetalpole fibula fid field filter finger flair flank 
 flow fontanel foot forearm forefetlock forefoot forenavicular forepastern foundation frame 
 frontal frontalsinus fujifilm function functional gallbladder gastricv gate general geniculara 
 gestsac gluteal gm gradient group gsv hand hd head headneck healthineers heart hepatica hepaticv 
 high hindfetlock hindfoot hindnavicular hindpastern hip hitachi hologic hospital hospitalet 
 humerus hypogastric hypopharynx iac ica ileum iliaca iliacv ilium image images imaging inferior 
 infmesa infvenacava inguinal injection innominatea innominatev instance institute institutt 
 internal intiliaca intjugularv intmammarya intracranial inversion io iol isotropic ivoct ivus 
 jaw jejunum joint kero kidney klinikk knee ko kodak konica lacrimala largeintestine larynx 
 lateral latrium latventricle left leg legs len lfemorala lhepaticv lhypochondriac linguala 
 linguinal liver llq llumbar localizer long loop low lower lowerleg lowerlimb lportalv 
 lpulmonarya ls lspine lsspine lsuppulmonaryv lumbar lumbara lumen lung luq lventricle magnetic 
 magnitude mammo mammography mandible manual map maps mask mastoid matrix max maxilla mca mean 
 medial mediastinum medical medicine medizintechnik medtronic mesentrica mesentricv metacarpus 
 metal metatarsus mg middle midhepaticv min mindray minolta morisonspouch mosaic motion mouth 
 mprage mr multi name nasopharynx native neck neckchest neckchestabdomen neckchestabdpelv neuro 
 neuroradiology nm none norge normal norway nose nuclear null oblique occiptalv occpitala oct op 
 ophthalmica opm opt opticcanal opv orbit original ot other ovary overlay pancbileduct pancreas 
 pancreaticduct parallel parasternal parathyroid parotid patella patient pca pelvis 
 pelvislowextremt penilea penis perfusion perineum peroneala phantom pharynx pharynxlarynx phase 
 philips phys placenta plain plan plane planning poliklinikk popliteala poplitealfossa poplitealv 
 portalv poscomma positron post posterior postibiala pr primary process processed proffema 
 proffemv projection prone prostate protocol proximal pt pulmonarya pulmonaryv px quality radiala 
 radiographic radiography radiologi radiologisk radiology radioterapi radius radiusulna range 
 ratrium raw recon reconstruction rectum reference reformat reg region registration regular 
 renala renalv research resolution resonance result results retro retroperitoneum rf rfemorala rg 
 rhepaticv rhypochondriac rib right ringuinal rlq rlumbar road routine rportalv rpulmonarya 
 rsuppulmonaryv rtdose rtimage rtplan rtrecord rtstruct ruq rventricle rwv sagittal samsung 
 saphenousv scalp scan scanner scapula school scjoint sclera scout screen screening scrotum 
 secondary sectra seg segment segmentation seksjon sella semvesicle sequence serie series service 
 sesamoid setup sfa sfj sfv shadow shimadzu short shot shoulder siemens sigmoid sijoint single 
 skull slice sm sma smallintestine smr soft solutions space spin spinalcord spine spleen splenica 
 splenicv sr srf sspine st stain standard static sternum stifle stiftelsen still stomach store 
 street structure structured study sub subclaviana subclavianv subcostal submandibular 
 subtraction superior supine supraclavicular suprapubic supthyroida surface survey svc sykehus 
 sykehuset system systems systolic table tail tarsus technologies temporal testis tg thalamus 
 thick thigh thin thoracicaorta thorax three throat thumb thymus thyroid tibia tibiafibula time 
 tissue tlspine tmj toe tomography tongue toshiba total trachea tracheabronchus track transversal 
 transverse transversecolon trunk tspine two type ugitract ulna ulnara ultrasound umbilical 
 umbilicala umbilicalv universitetssjukehus universitetssykehus university unknown upper upperarm 
 upperlimb upright uprurinarytract ureter urethra urinarytract us uten uterus va vagina value 
 varian vei vein venous vertebrala vertical video view volume vulva water wave weighted whole 
 wholebody width window wing with without work wrist xa xc zoom zygoma 
)";

/// Terms of closed lists of PS3.3 that geometry, reports and safety modes cannot do without: patient
/// positions (C.7.3.1.1.2), value, relationship and graphic types of content items (C.17.3, C.18.6),
/// operating modes (C.8.13.2).
constexpr std::array<std::string_view, 56> defined_terms{"AFDL",
                                                         "AFDR",
                                                         "AFP",
                                                         "AFS",
                                                         "FFDL",
                                                         "FFDR",
                                                         "FFP",
                                                         "FFS",
                                                         "HFDL",
                                                         "HFDR",
                                                         "HFP",
                                                         "HFS",
                                                         "LFP",
                                                         "LFS",
                                                         "PFDL",
                                                         "PFDR",
                                                         "PFP",
                                                         "PFS",
                                                         "RFP",
                                                         "RFS",
                                                         "SITTING",
                                                         "CODE",
                                                         "COMPOSITE",
                                                         "CONTAINER",
                                                         "DATE",
                                                         "DATETIME",
                                                         "IMAGE",
                                                         "NUM",
                                                         "PNAME",
                                                         "SCOORD",
                                                         "SCOORD3D",
                                                         "TABLE",
                                                         "TCOORD",
                                                         "TEXT",
                                                         "TIME",
                                                         "UIDREF",
                                                         "WAVEFORM",
                                                         "CONTINUOUS",
                                                         "SEPARATE",
                                                         "CONTAINS",
                                                         "POINT",
                                                         "MULTIPOINT",
                                                         "POLYLINE",
                                                         "POLYGON",
                                                         "CIRCLE",
                                                         "ELLIPSE",
                                                         "ELLIPSOID",
                                                         "IEC_NORMAL",
                                                         "IEC_FIRST_LEVEL",
                                                         "IEC_SECOND_LEVEL",
                                                         "HAS OBS CONTEXT",
                                                         "HAS CONCEPT MOD",
                                                         "HAS ACQ CONTEXT",
                                                         "HAS PROPERTIES",
                                                         "INFERRED FROM",
                                                         "SELECTED FROM"};

/// The words of a list above, looked up by hash: every word of every free text asks for them.
class WordList {
public:
    explicit WordList(std::string_view list)
    {
        for (const auto line : split(list, '\n')) {
            for (const auto word : split(line, ' ')) {
                if (!word.empty()) {
                    m_words.insert(word);
                }
            }
        }
    }

    [[nodiscard]] bool contains(std::string_view word) const { return m_words.contains(word); }

private:
    std::unordered_set<std::string_view> m_words; ///< into the list, which is static
};

} // namespace

std::string known_body_part(std::string_view value)
{
    std::string text{value};
    std::ranges::transform(text, text.begin(), [](char c) {
        return c >= 'a' && c <= 'z' ? static_cast<char>(c - 0x20) : c;
    });
    static const WordList known{body_parts};
    return text.empty() || known.contains(text) ? text : "BODYPART";
}

bool are_defined_terms(std::string_view values)
{
    const auto parts = split(values, '\\');
    return std::ranges::all_of(parts, [](std::string_view part) {
        return std::ranges::find(defined_terms, trimmed(part)) != defined_terms.end();
    });
}

bool is_trade_word(std::string_view folded)
{
    static const WordList known{trade_words};
    return known.contains(folded);
}

AllowedWords AllowedWords::parse(std::string_view text)
{
    AllowedWords words;
    for (const auto line : split(text, '\n')) {
        if (const auto word = trimmed(line); !word.empty() && word.front() != '#') {
            words.m_sorted.emplace_back(word);
        }
    }
    std::ranges::sort(words.m_sorted);
    return words;
}

bool AllowedWords::contains(std::string_view folded) const
{
    const auto is_known = [&](std::string_view word) {
        return is_trade_word(word) || std::ranges::binary_search(m_sorted, word);
    };
    if (folded.size() <= 3) {
        return is_known(folded);
    }
    return is_known(folded)
           || (folded.back() == 's' ? is_known(folded.substr(0, folded.size() - 1))
                                    : is_known(std::string{folded} + "s"));
}

} // namespace fiona::anonymize
