// SPDX-License-Identifier: MIT
#pragma once

#include "tests/support/leak_scan.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

/// Synthetic DICOM, made in code: no pixel and no name comes from a person. Every attribute that
/// could identify somebody is filled, because it must be gone afterwards. The same arguments make
/// the same bytes. Names are invented; UIDs lie under 1.2.826.0.1.3680043.10.999.
///
///     phantom::Study study{phantom::Patient{"DOE^JANE", "PAT-1001", "19700102", "F"}, 1};
///     study.add_mr_series({.description = "t1", .images = 12}).add_structured_report();
///     const auto files = study.write_to(directory);
namespace phantom {

/// UTF-8; the name is a PN with its components separated by `^`.
struct Patient {
    std::string name;
    std::string id;
    std::string birth_date;
    std::string sex;
};

enum class Charset {
    fitting, ///< ascii, latin1 or utf8: the smallest that holds the patient's name
    ascii,   ///< no Specific Character Set
    latin1,  ///< ISO_IR 100
    utf8,    ///< ISO_IR 192
};

enum class TransferSyntax {
    explicit_little_endian,
    implicit_little_endian,
    explicit_big_endian,
    deflated,
    rle,
    jpeg_lossless, ///< process 14, selection value 1
    jpeg_ls_lossless,
};

enum class PrivateGroups {
    none,
    /// CSA image and series headers (0029), SIEMENS MR HEADER (0019, 0051), and a creator that
    /// nobody knows (0071) with the patient's id and name.
    siemens,
};

struct MrSeries {
    std::string description = "t1_mprage_sag";
    unsigned images = 1;
    std::uint16_t rows = 64; ///< and columns
    PrivateGroups private_groups = PrivateGroups::siemens;
    std::size_t csa_bytes = 8192; ///< about; of the series header
    TransferSyntax transfer_syntax = TransferSyntax::explicit_little_endian;
};

struct CtSeries {
    std::string description = "Thorax 1.0 B30f";
    unsigned images = 1;
    std::uint16_t rows = 64;
    TransferSyntax transfer_syntax = TransferSyntax::explicit_little_endian;
};

/// RGB with a speckled fan; the patient's name, id and birth date are drawn into every frame.
struct UltrasoundSeries {
    std::string description = "Abdomen";
    unsigned frames = 1;
    std::uint16_t rows = 480;
    std::uint16_t columns = 640;
    TransferSyntax transfer_syntax = TransferSyntax::explicit_little_endian;
};

/// 8 bit grey with the same text.
struct SecondaryCapture {
    std::string description = "Screen capture";
    std::uint16_t rows = 384;
    std::uint16_t columns = 512;
    TransferSyntax transfer_syntax = TransferSyntax::explicit_little_endian;
};

/// Where text is burned in: pixels, from the top left corner, of every frame.
struct TextBox {
    std::size_t object = 0; ///< index into the result of write_to()
    unsigned x = 0, y = 0, width = 0, height = 0;
};

struct Facts;
struct Instance;
class Writer;

class Study {
public:
    Study(Patient patient, unsigned seed, Charset charset = Charset::fitting);
    Study(const Study&) = delete;
    Study& operator=(const Study&) = delete;
    Study(Study&&) noexcept;
    Study& operator=(Study&&) noexcept;
    ~Study();

    Study& add_mr_series(const MrSeries& series = {});
    Study& add_ct_series(const CtSeries& series = {});
    Study& add_us_with_text(const UltrasoundSeries& series = {});
    Study& add_secondary_capture(const SecondaryCapture& capture = {});
    /// Basic Text SR: PNAME, TEXT with the patient's name, UIDREF, and the first images of the study.
    Study& add_structured_report();
    /// Greyscale softcopy presentation state of the first image, its annotation holds the name.
    Study& add_presentation_state();

    /// One Part 10 file for each object, in the order they were added; makes the directory. File
    /// names hold nothing of the patient.
    // NOLINTNEXTLINE(modernize-use-nodiscard) called for the files, not for their names
    std::vector<std::filesystem::path> write_to(const std::filesystem::path& directory) const;

    [[nodiscard]] const std::string& uid() const;
    /// In the order they were added.
    [[nodiscard]] std::vector<std::string> series_uids() const;
    [[nodiscard]] std::vector<std::string> sop_instance_uids() const;
    [[nodiscard]] std::size_t object_count() const { return m_objects.size(); }
    [[nodiscard]] const std::vector<TextBox>& burned_in() const { return m_text; }
    /// Everything that must never be seen afterwards: names and their parts of four letters or more,
    /// ids, birth date, accession number, places, telephone, devices, UIDs.
    [[nodiscard]] Identity identity() const;

private:
    struct Object {
        std::string modality;
        std::string sop_class;
        std::string series;
        std::string uid;
        std::function<void(const std::filesystem::path&)> write;
    };

    [[nodiscard]] Instance instance(const char* modality, const char* sop_class,
                                    const std::string& description, unsigned number) const;
    void add(const Instance& instance, TransferSyntax syntax, std::function<void(Writer&)> fill);
    void note_text(unsigned rows, unsigned columns);
    /// The first three images; they are what reports and presentation states refer to.
    [[nodiscard]] std::vector<Object> first_images() const;

    std::unique_ptr<Facts> m_facts;
    std::vector<Object> m_objects;
    std::vector<TextBox> m_text;
    unsigned m_series = 0;
};

/// `1.2.826.0.1.3680043.10.999.` and 36 digits that depend on `seed` and `what` only.
[[nodiscard]] std::string uid(unsigned seed, const std::string& what);

} // namespace phantom
