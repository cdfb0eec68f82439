// SPDX-License-Identifier: MIT
// Rule files: whatever stands in one, it is refused or loaded, and an image can be held against it.
#include "libfiona/base/error.h"
#include "libfiona/base/log.h"
#include "libfiona/classify/rules.h"
#include "libfiona/dicom/header.h"
#include "libfiona/dicom/library.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/temp_dir.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>

#include <algorithm>
#include <set>

using namespace fiona;

namespace {

void write_image(const std::filesystem::path& file)
{
    DcmFileFormat format;
    auto& set = *format.getDataset();
    set.putAndInsertString(DCM_SOPClassUID, UID_MRImageStorage);
    set.putAndInsertString(DCM_SOPInstanceUID, "1.2.3");
    set.putAndInsertString(DCM_StudyInstanceUID, "1.2.4");
    set.putAndInsertString(DCM_SeriesInstanceUID, "1.2.5");
    set.putAndInsertString(DCM_Modality, "MR");
    set.putAndInsertString(DCM_Manufacturer, "SIEMENS");
    set.putAndInsertString(DCM_AccessionNumber, "");
    set.putAndInsertString(DCM_ImageType, "ORIGINAL\\PRIMARY\\M\\ND");
    set.putAndInsertString(DCM_EchoTime, "2.50");
    set.putAndInsertString(DCM_ImageOrientationPatient, "1\\0\\0\\0\\1\\0");
    promise(format.saveFile(file.c_str(), EXS_LittleEndianExplicit).good());
}

const dicom::Header& image()
{
    static const dicom::Library library;
    static const dicom::Header header = [] {
        const TempDir scratch;
        write_image(scratch / "image");
        return dicom::Header::read(scratch / "image");
    }();
    return header;
}

void check_rules(std::string_view text)
{
    const auto rules = classify::Rules::parse(text, "input");
    const json::Object fields{{"NumSlices", "25"}, {"ClassifyType", json::Array{"axial"}}};
    const auto found = rules.evaluate(image(), fields);
    promise(std::set<std::string>(found.types.begin(), found.types.end()).size()
            == found.types.size());
    const auto again = rules.evaluate(
        image(), {{"NumSlices", "25"},
                  {"ClassifyType", json::Array{found.types.begin(), found.types.end()}},
                  {"ClassifyVeto", json::Array{found.vetoes.begin(), found.vetoes.end()}}});
    for (const auto& veto : found.vetoes) {
        promise(std::ranges::find(found.types, veto) == found.types.end());
        promise(std::ranges::find(again.types, veto) == again.types.end());
    }
    promise(rules.resolved().array().size() == rules.size());
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    log::set_sink([](log::Level, const std::string&) {});
    try {
        check_rules(as_text(data, size));
    } catch (const Error& e) {
        promise(e.fault() == Fault::config);
    }
    return 0;
}
