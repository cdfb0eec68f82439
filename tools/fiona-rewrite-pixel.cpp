// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/log.h"
#include "libfiona/cli/tool.h"
#include "libfiona/pixel/batch.h"

using namespace fiona; // NOLINT(google-build-using-namespace) a tool speaks the library's language

namespace {

struct Arguments {
    pixel::BatchWishes wishes;
    std::string mode = "both", mask = "all";
    unsigned threads = 4;
};

void add_options(CLI::App& options, Arguments& given)
{
    auto& wishes = given.wishes;
    options.add_option("-i,--input", wishes.input, "a directory, searched at any depth, or a file")
        ->required();
    options.add_option("-o,--output", wishes.output, "an empty or new directory")->required();
    options.add_option("-c,--confidence", wishes.confidence, "0..100: less certain finds stay")
        ->check(CLI::Range(0, 100));
    options.add_option("--mode", given.mode, "detect, ocr or both")
        ->check(CLI::IsMember({"detect", "ocr", "both"}));
    options.add_option("--mask", given.mask, "all text, or known: what resembles an identifier")
        ->check(CLI::IsMember({"all", "known"}));
    options.add_option("--phi", wishes.phi, "JSON file of further identifying values");
    options.add_option("--regions", wishes.regions, "JSON file: where devices put their text");
    options.add_option("--safe-list", wishes.safe_list, "file of words that may stay");
    options.add_option("--language", wishes.languages, "languages of Tesseract");
    options.add_option("--preview", wishes.preview, "directory for contact sheets; they show text");
    options.add_option("--report", wishes.report, "write the report as JSON");
    options.add_option("-t,--numthreads", given.threads, "files at once")
        ->check(CLI::Range(1U, 256U));
}

void run(const Arguments& given, const cli::Tool& tool)
{
    auto wishes = given.wishes;
    wishes.search = given.mode == "detect" ? pixel::Search::detect
                    : given.mode == "ocr"  ? pixel::Search::ocr
                                           : pixel::Search::both;
    wishes.hide = given.mask == "known" ? pixel::Hide::known : pixel::Hide::all;
    wishes.at_once = given.threads;
    const auto batch = pixel::clean_directory(wishes, tool.mode());
    for (const auto& file : batch.set_aside) {
        log::warn(file.verdict == pixel::Verdict::held ? "image_held" : "image_refused",
                  {{"file", file.input.native()}, {"reason", file.reason}});
    }
    tool.report(batch.document, cli::table(batch.rows));
    if (!batch.set_aside.empty()) {
        throw Error{Fault::data, "{} of {} files were not written", batch.set_aside.size(),
                    batch.files};
    }
}

} // namespace

int main(int argc, char** argv)
{
    cli::Tool tool{"fiona-rewrite-pixel", "hide text that is burned into the pixels of images",
                   "fiona-rewrite-pixel -i study -o masked -c 20 --report report.json"};
    tool.with_dry_run();
    Arguments given;
    add_options(tool.options(), given);
    return tool.run(argc, argv, [&] { run(given, tool); });
}
