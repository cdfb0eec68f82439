// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/cli/tool.h"
#include "libfiona/dicom/library.h"
#include "libfiona/store/atomic_file.h"
#include "libfiona/wsi/attach.h"
#include "libfiona/wsi/inspect.h"
#include "libfiona/wsi/process_uploads.h"

#include <array>
#include <map>
#include <utility>

namespace {

using namespace fiona;

struct Words {
    std::string file;
    std::map<std::string, std::string> values; ///< keys of the upload's JSON
    bool keeps_macro = false;
    wsi::UploadOrder order;
    std::string thumbnail;
};

struct ValueOption {
    const char* name;
    const char* key;
    const char* text;
};
constexpr std::array<ValueOption, 14> value_options{{
    {"--project", "project_name", "research project"},
    {"--record-id", "record_id", "its participant (pseudonym)"},
    {"--event", "redcap_event_name", "event of the participant"},
    {"--specimen", "patho_specimen", "e.g. \"Kidney [64033007]\""},
    {"--stain", "patho_stain", "e.g. \"[12710003] HE\""},
    {"--block", "patho_block_nr", "number of the block"},
    {"--biopsy-nr", "patho_biopsy_nr", "number of the biopsy"},
    {"--biopsy-id", "patho_biopsy_id", "id of the biopsy"},
    {"--slide-nr", "patho_slide_nr", "number of the slide"},
    {"--slide-id", "patho_slide_id", "what tells this slide from all others"},
    {"--department", "patho_department", "department"},
    {"--rek", "patho_rek", "number of the ethical approval"},
    {"--database-id", "patho_databaseid", "id in the pathology's database"},
    {"--import-folder", "project_pat_import_folder", "deliver it as a file there, not as DICOM"},
}};

CLI::App* add_attach(CLI::App& app, Words& words)
{
    auto* const attach = app.add_subcommand("attach", "file a slide, as the Attach page does");
    attach->add_option("FILE", words.file, "the slide")->required();
    for (const auto& option : value_options) {
        attach->add_option(option.name, words.values[option.key], option.text);
    }
    attach->get_option("--project")->required();
    attach->get_option("--event")->required();
    attach->add_flag("--keep-macro", words.keeps_macro,
                     "keep the macro image, its label blanked (if the project may)");
    return attach;
}

CLI::App* add_run(CLI::App& app, Words& words)
{
    auto* const run = app.add_subcommand("run", "bring filed slides to where they belong");
    run->add_option("FILE", words.order.only, "JSONs below uploads/, also before their time");
    run->add_option("--max", words.order.max, "work on so many at most");
    const std::map<std::string, wsi::DeliveryMode> modes{{"auto", wsi::DeliveryMode::automatic},
                                                         {"path", wsi::DeliveryMode::path},
                                                         {"dicom", wsi::DeliveryMode::dicom}};
    run->add_option("--mode", words.order.delivery, "auto, path or dicom (default: auto)")
        ->transform(CLI::CheckedTransformer(modes));
    run->add_flag("--keep-work", words.order.keeps_work, "leave the work folder");
    return run;
}

void attach(const cli::Tool& tool, const Config& config, const Words& words)
{
    json::Object values;
    for (const auto& [key, value] : words.values) {
        if (!value.empty()) {
            values.emplace(key, value);
        }
    }
    values.emplace("do_not_remove_macro_image", words.keeps_macro ? "1" : "0");
    const auto attached = wsi::attach(config, {words.file, std::move(values)}, tool.mode());
    const std::string_view result = !attached.is_new               ? "waits already"
                                    : tool.mode() == Mode::dry_run ? "would be attached"
                                                                   : "attached";
    tool.report(json::Object{{"upload", attached.id},
                             {"image", attached.name},
                             {"bytes", attached.bytes},
                             {"result", result}},
                {fmt::format("{} {}: {}", attached.id, attached.name, result)});
}

void inspect(const cli::Tool& tool, const Words& words)
{
    constexpr std::uint32_t thumbnail_pixels = 1024;
    const auto slide = wsi::Slide::open(words.file);
    if (!words.thumbnail.empty() && tool.mode() == Mode::apply) {
        store::write_file(words.thumbnail, wsi::thumbnail(slide, thumbnail_pixels));
    }
    tool.report(wsi::inspected(slide), wsi::inspected_lines(slide));
}

void show(const cli::Tool& tool, const wsi::UploadReport& report)
{
    auto lines = cli::table(wsi::as_rows(report));
    lines.push_back(fmt::format("{} uploads", report.items.size()));
    tool.report(wsi::as_json(report), lines);
    if (report.problem) {
        throw Error{*report.problem};
    }
}

} // namespace

int main(int argc, char** argv)
{
    cli::Tool tool{"fiona-process-tiff", "de-identify whole-slide images and bring them on",
                   "fiona-process-tiff attach slide.svs --project DEMO --record-id DEMO_0001 "
                   "--event baseline && fiona-process-tiff run"};
    tool.with_dry_run();
    Words words;
    tool.options().require_subcommand(1);
    const auto* const file = add_attach(tool.options(), words);
    const auto* const work = add_run(tool.options(), words);
    auto* const look = tool.options().add_subcommand("inspect", "what is in a slide");
    look->add_option("FILE", words.file, "the slide")->required();
    look->add_option("--thumbnail", words.thumbnail, "write a picture of the tissue (PNG)");
    const auto* const list = tool.options().add_subcommand("status", "where every upload is");

    return tool.run(argc, argv, [&] {
        const dicom::Library library;
        if (file->parsed()) {
            attach(tool, tool.config(), words);
        } else if (work->parsed()) {
            words.order.mode = tool.mode();
            show(tool, wsi::process_uploads(tool.config(), words.order));
        } else if (look->parsed()) {
            inspect(tool, words);
        } else if (list->parsed()) {
            show(tool, wsi::upload_status(tool.config(), Clock::now()));
        }
    });
}
