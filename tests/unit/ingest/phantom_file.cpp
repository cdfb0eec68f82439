// SPDX-License-Identifier: MIT
#include "tests/unit/ingest/phantom_file.h"

#include "libfiona/dicom/check.h"
#include "libfiona/dicom/library.h"
#include "libfiona/store/atomic_file.h"
#include "libfiona/store/spool.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>
#include <fmt/format.h>

#include <array>
#include <charconv>

namespace fs = std::filesystem;
using namespace fiona;

namespace {

DcmTagKey key_of(const std::string& text)
{
    std::uint16_t group = 0;
    std::uint16_t element = 0;
    std::from_chars(text.data(), text.data() + 4, group, 16);
    std::from_chars(text.data() + 5, text.data() + 9, element, 16);
    return {group, element};
}

Attributes usual_image()
{
    return {{"0008,0008", "ORIGINAL\\PRIMARY\\M\\ND"},
            {"0008,0016", UID_MRImageStorage},
            {"0008,0020", "20250102"},
            {"0008,0021", "20250102"},
            {"0008,0030", "101112.345000"},
            {"0008,0031", "101500"},
            {"0008,0050", "ACC1"},
            {"0008,0060", "MR"},
            {"0008,0070", "SIEMENS"},
            {"0008,0080", "Example Hospital"},
            {"0008,103e", "t1 mprage"},
            {"0010,0010", "DOE^JANE"},
            {"0010,0020", "TEST01"},
            {"0018,0050", "1.0"},
            {"0018,0080", "2500"},
            {"0018,0081", "2.50"},
            {"0020,000d", study_uid},
            {"0020,0011", "5"},
            {"0020,0037", "1\\0\\0\\0\\1\\0"}};
}

} // namespace

void write_image(const fs::path& file, const Attributes& attributes)
{
    const dicom::Library library;
    auto all = attributes;
    all.merge(usual_image());
    DcmFileFormat format;
    auto& set = *format.getDataset();
    for (const auto& [name, value] : all) {
        if (value != "-") {
            auto& where = name.starts_with("0002") ? static_cast<DcmItem&>(*format.getMetaInfo())
                                                   : static_cast<DcmItem&>(set);
            dicom::check(where.putAndInsertString(DcmTag{key_of(name)}, value.c_str()), name);
        }
    }
    constexpr std::array<Uint16, 4> matrix{0, 256, 256, 0};
    constexpr std::array<Uint8, 4> pixels{1, 2, 3, 4};
    dicom::check(set.putAndInsertUint16Array(DCM_AcquisitionMatrix, matrix.data(), matrix.size()),
                 "matrix");
    for (const auto& [tag, value] : {std::pair{DCM_Rows, 2},
                                     {DCM_Columns, 2},
                                     {DCM_BitsAllocated, 8},
                                     {DCM_BitsStored, 8},
                                     {DCM_HighBit, 7},
                                     {DCM_PixelRepresentation, 0},
                                     {DCM_SamplesPerPixel, 1}}) {
        dicom::check(set.putAndInsertUint16(tag, static_cast<Uint16>(value)), "image size");
    }
    dicom::check(set.putAndInsertUint8Array(DCM_PixelData, pixels.data(), pixels.size()), "pixels");
    fs::create_directories(file.parent_path());
    dicom::check(format.saveFile(file.c_str(), EXS_LittleEndianExplicit, EET_UndefinedLength,
                                 EGL_recalcGL, EPD_noChange, 0, 0, EWM_updateMeta),
                 "save"); // by default the meta header would be made anew
}

std::string series_uid(unsigned series)
{
    return fmt::format("{}.{}", study_uid, series);
}

std::string sop_uid(unsigned series, unsigned number)
{
    return fmt::format("{}.{}.{}", study_uid, series, number);
}

fs::path store_image(const Paths& paths, unsigned series, unsigned number, Attributes attributes)
{
    attributes.merge(Attributes{{"0008,0018", sop_uid(series, number)},
                                {"0020,000e", series_uid(series)},
                                {"0020,0013", fmt::format("{}", number)},
                                {"0020,1041", fmt::format("{}.5", -static_cast<int>(number))}});
    auto file = paths.archive() / ("scp_" + study_uid) / ("MR." + sop_uid(series, number));
    write_image(file, attributes);
    return file;
}

void receive_image(const Paths& paths, unsigned series, unsigned number, Attributes attributes)
{
    const auto file = store_image(paths, series, number, std::move(attributes));
    const store::Spool spool{paths.spool()};
    spool.add({TimePoint{std::chrono::seconds{1735811472 + number}}, "SCANNER 1", "FIONA",
               "scanner1", "10.0.0.5", file.parent_path(), file.filename().native(),
               StudyUid{study_uid}, SeriesUid{series_uid(series)},
               SopInstanceUid{sop_uid(series, number)}, UID_MRImageStorage,
               UID_LittleEndianExplicitTransferSyntax, fs::file_size(file), "1-1"},
              store::Spool::Sync::no);
}

fs::path make_site(const fs::path& root)
{
    const auto file = root / "config.json";
    store::write_file(file, fmt::format(R"({{"ROOT": "{}"}})", root.native()));
    return file;
}
