// SPDX-License-Identifier: MIT
#include "libfiona/anonymize/cleaner.h"
#include "libfiona/base/files.h"

#include <catch2/catch.hpp>

using namespace fiona;
using namespace fiona::anonymize;

namespace {

/// The text as a rule for typed text leaves it, without any identity of a study.
std::string kept(const std::string& text)
{
    static const auto words =
        AllowedWords::parse(read_file(FIONA_SOURCE_DIR "/share/profiles/vocabulary.txt"));
    const auto result =
        cleaned(text, Identity{}, CleaningDepth::words, Multiplicity::single, &words);
    return result ? *result : text;
}

} // namespace

TEST_CASE("descriptions that research goes by stay as they are")
{
    const auto* const text =
        GENERATE("t1_mprage_sag_p2_iso", "ep2d_diff_mddw_20_p2", "DTI_64dirs_b1000_ADC",
                 "AX T2 FLAIR FS", "Thorax 1.0 B30f", "MR hode med kontrast", "gre_field_mapping",
                 "Axial EPI-FMRI (Interleaved I to S)", "PET/CT Whole Body FDG", "HeadNeck_64",
                 "WIP 3DpCASL", "Perfusion_Weighted", "CT Thorax abdomen and pelvis with contrast",
                 "Localizers", "3-plane loc TR2000 TE85");
    CHECK(kept(text) == text);
}

TEST_CASE("words that nobody allowed go, and the rest stays")
{
    CHECK(kept("Brain Xylofonsen") == "Brain");
    CHECK(kept("Research^Rorden_Prisma") == "Research^ _Prisma");
    CHECK(kept("MR av Quibavexo") == "MR av");
    CHECK(kept("Kvirозаб") == "");
    CHECK(kept("山田") == "");
}

TEST_CASE("numbers that somebody was given go with the letters before them")
{
    CHECK(kept("Brain 4711471") == "Brain");
    CHECK(kept("Brain PAT042") == "Brain");
    CHECK(kept("Brain QX1234W") == "Brain");
    CHECK(kept("Brain b1000") == "Brain b1000");
}
