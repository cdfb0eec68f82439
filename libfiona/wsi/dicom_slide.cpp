// SPDX-License-Identifier: MIT
#include "libfiona/wsi/dicom_slide.h"

#include "libfiona/base/error.h"
#include "libfiona/base/log.h"
#include "libfiona/wsi/dicom_header.h"
#include "libfiona/wsi/encapsulated_file.h"
#include "libfiona/wsi/icc_profile.h"
#include "libfiona/wsi/level_frames.h"

#include <fmt/format.h>

#include <memory>
#include <system_error>

namespace fiona::wsi {

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t frames_between_reports = 256;

class Conversion {
public:
    Conversion(const Slide& slide, const SlideHeader& header, fs::path folder,
               const std::function<void(const ConversionProgress&)>& report)
        : m_slide{&slide}, m_header{&header}, m_folder{std::move(folder)}, m_report{&report},
          m_icc_profile{input_profile(slide.icc_profile())}, m_levels{slide.levels()}
    {
        const auto& facts = slide.facts();
        if (!facts.mpp_x || !facts.mpp_y || !(*facts.mpp_x > 0) || !(*facts.mpp_y > 0)) {
            throw Error{Fault::data, "the slide does not say how large a pixel is"};
        }
        for (std::size_t level = 0; level < m_levels.size(); ++level) {
            auto passage = pass_through(slide, m_levels[level]);
            m_sources.push_back(passage.frames ? std::move(passage.frames)
                                               : anew(level, passage.why_not));
            m_progress.frames_total += m_sources.back()->frames();
        }
    }

    /// All levels are whole on the disk before the first has its name.
    DicomSlide run()
    {
        std::vector<std::unique_ptr<EncapsulatedFile>> files;
        for (std::size_t level = 0; level < m_levels.size(); ++level) {
            auto file = write_level(level);
            if (!file) { // a tile behind the first was not to be passed through
                const auto reason = m_sources[level]->why_not();
                m_progress.frames_total -= m_sources[level]->frames();
                m_sources[level] = anew(level, reason);
                m_progress.frames_total += m_sources[level]->frames();
                file = write_level(level);
            }
            auto& source = *m_sources[level];
            m_result.frames += source.frames();
            m_result.passed_through += source.passed_through();
            m_result.encoded_anew += source.frames() - source.passed_through();
            m_result.bytes += file->bytes();
            m_result.files.push_back(m_folder / fmt::format("level-{}.dcm", level));
            m_sources[level].reset(); // its tables are not needed any more
            files.push_back(std::move(file));
        }
        name(files);
        return std::move(m_result);
    }

private:
    [[nodiscard]] std::unique_ptr<LevelFrames> anew(std::size_t level, const std::string& reason)
    {
        log::warn("slide_level_encoded_anew",
                  {{"level", level}, {"quality", 90}, {"reason", reason}});
        return encode_anew(*m_slide, m_levels[level]);
    }

    [[nodiscard]] std::string header_of(std::size_t level, std::uint64_t frame_bytes) const
    {
        const auto& source = *m_sources[level];
        const auto& image = m_levels[level];
        const auto& facts = m_slide->facts();
        const auto& coding = source.coding();
        LevelHeader described{image, level, coding, source.frames()};
        const auto samples =
            static_cast<double>(source.frames()) * coding.tile_width * coding.tile_height * 3;
        described.compression_ratio =
            frame_bytes == 0 ? 1.0 : samples / static_cast<double>(frame_bytes);
        described.mpp_x = *facts.mpp_x * image.downsample;
        described.mpp_y = *facts.mpp_y * image.downsample;
        return dicom_header(facts, *m_header, described, m_icc_profile);
    }

    /// Nothing if the level cannot be passed through after all.
    [[nodiscard]] std::unique_ptr<EncapsulatedFile> write_level(std::size_t level)
    {
        auto& source = *m_sources[level];
        auto file = std::make_unique<EncapsulatedFile>(
            m_folder / fmt::format("level-{}.dcm", level), header_of(level, 0), source.frames(),
            offset_table_for(source.frames(), source.most_bytes()));
        const auto done_before = m_progress.frames_done;
        for (std::uint64_t i = 0; i < source.frames(); ++i) {
            const auto frame = source.next();
            if (!frame) {
                m_progress.frames_done = done_before;
                return nullptr;
            }
            file->add(*frame);
            ++m_progress.frames_done;
            if (m_progress.frames_done % frames_between_reports == 0) {
                report();
            }
        }
        file->finish(header_of(level, file->frame_bytes()));
        report();
        return file;
    }

    void name(const std::vector<std::unique_ptr<EncapsulatedFile>>& files)
    {
        std::size_t named = 0;
        try {
            for (; named < files.size(); ++named) {
                files[named]->commit();
            }
        } catch (const Error&) { // half a pyramid is none
            for (const auto& path : m_result.files) {
                std::error_code ignored; // the reason that counts is on its way
                fs::remove(path, ignored);
            }
            throw;
        }
    }

    void report() const
    {
        if (*m_report) {
            (*m_report)(m_progress);
        }
    }

    const Slide* m_slide;
    const SlideHeader* m_header;
    fs::path m_folder;
    const std::function<void(const ConversionProgress&)>* m_report;
    std::string m_icc_profile;
    std::vector<SlideImage> m_levels;
    std::vector<std::unique_ptr<LevelFrames>> m_sources;
    ConversionProgress m_progress;
    DicomSlide m_result;
};

} // namespace

DicomSlide write_dicom_slide(const Slide& slide, const SlideHeader& header, const fs::path& folder,
                             const std::function<void(const ConversionProgress&)>& progress)
{
    return Conversion{slide, header, folder, progress}.run();
}

} // namespace fiona::wsi
