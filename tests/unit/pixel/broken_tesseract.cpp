// SPDX-License-Identifier: MIT
// A library that calls itself Tesseract: it is set up as that one, and cannot read. How it fails says the variable
// g_broken_tesseract_way.
#include <tesseract/capi.h>
#include <unistd.h>

#include <csignal>

extern "C" {

/// 0: reads for ever, 1: waits for ever, 2: dies, 3: says that it cannot.
// NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables) the test sets it by dlsym(3)
int g_broken_tesseract_way = 0;

TessBaseAPI* TessBaseAPICreate()
{
    static int api = 0;
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast) nobody looks behind it
    return reinterpret_cast<TessBaseAPI*>(&api);
}
void TessBaseAPIDelete(TessBaseAPI* /*api*/) {}
int TessBaseAPIInit2(TessBaseAPI* /*api*/, const char* /*path*/, const char* /*languages*/,
                     TessOcrEngineMode /*mode*/)
{
    return 0;
}
BOOL TessBaseAPISetVariable(TessBaseAPI* /*api*/, const char* /*name*/, const char* /*value*/)
{
    return TRUE;
}
void TessBaseAPISetPageSegMode(TessBaseAPI* /*api*/, TessPageSegMode /*mode*/) {}
void TessBaseAPISetImage(TessBaseAPI* /*api*/, const unsigned char* /*data*/, int /*width*/,
                         int /*height*/, int /*bytes_per_pixel*/, int /*bytes_per_line*/)
{
}
void TessBaseAPISetSourceResolution(TessBaseAPI* /*api*/, int /*resolution*/) {}
int TessBaseAPIRecognize(TessBaseAPI* /*api*/, ETEXT_DESC* /*monitor*/)
{
    static volatile bool for_ever = true;
    switch (g_broken_tesseract_way) {
    case 0:
        while (for_ever) {
        }
        break;
    case 1: ::pause(); break;
    case 2:
        static_cast<void>(::signal(SIGSEGV, SIG_DFL)); // the test program's own would report it
        static_cast<void>(::raise(SIGSEGV));
        break;
    default: break;
    }
    return -1;
}
void TessBaseAPIClear(TessBaseAPI* /*api*/) {}
TessResultIterator* TessBaseAPIGetIterator(TessBaseAPI* /*api*/)
{
    return nullptr;
}
void TessResultIteratorDelete(TessResultIterator* /*results*/) {}
BOOL TessResultIteratorNext(TessResultIterator* /*results*/, TessPageIteratorLevel /*level*/)
{
    return FALSE;
}
char* TessResultIteratorGetUTF8Text(const TessResultIterator* /*results*/,
                                    TessPageIteratorLevel /*level*/)
{
    return nullptr;
}
void TessDeleteText(const char* /*text*/) {}
float TessResultIteratorConfidence(const TessResultIterator* /*results*/,
                                   TessPageIteratorLevel /*level*/)
{
    return 0;
}
const TessPageIterator*
TessResultIteratorGetPageIteratorConst(const TessResultIterator* /*results*/)
{
    return nullptr;
}
// NOLINTNEXTLINE(readability-function-size) so many parameters Tesseract's has
BOOL TessPageIteratorBoundingBox(const TessPageIterator* /*page*/, TessPageIteratorLevel /*level*/,
                                 int* /*left*/, int* /*top*/, int* /*right*/, int* /*bottom*/)
{
    return FALSE;
}

} // extern "C"
